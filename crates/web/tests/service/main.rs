//! The service under bad, slow and many requests, and the review page: by the router, and where the
//! connection matters by a socket.
mod apps;
mod common;
mod connections;
mod review;
mod together;
mod uploads;
