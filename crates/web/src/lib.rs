//! The pages and the API: the association's app and the test app.
