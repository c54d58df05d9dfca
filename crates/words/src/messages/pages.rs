//! The server, and requests that fail.

use super::messages;

messages! {
    PageMessage of "pages.toml":
    "http.forbidden" => Forbidden,
    "http.data" => Data { detail },
    "http.body_too_large" => BodyTooLarge { limit },
    "http.not_a_form" => NotAForm,
    "http.encoded_body" => EncodedBody { coding },
    "http.bad_multipart" => BadMultipart,
    "http.missing_photo" => MissingPhoto,
    "http.too_many_photos" => TooManyPhotos { limit },
    "http.bad_request" => BadRequest { detail },
    "http.busy" => Busy,
    "http.timeout" => Timeout,
    "http.not_found" => NotFound,
    "http.method_not_allowed" => MethodNotAllowed,
    "http.internal" => Internal,
    "http.model_not_finite" => ModelNotFinite,
    "http.no_map" => NoMap,
    "http.unreachable" => Unreachable,
    "http.box_outside" => BoxOutside,
    "http.box_too_small" => BoxTooSmall,
    "http.foreign_name" => ForeignName,
    "http.no_host" => NoHost,
    "server.port_in_use" => ServerPortInUse { address },
    "server.cannot_listen" => ServerCannotListen { address, reason },
    "server.cannot_start" => ServerCannotStart { reason },
    "server.not_an_address" => ServerNotAnAddress { address },
    "server.ready" => ServerReady { address },
    "server.ready_network" => ServerReadyNetwork { address },
    "server.stopping" => ServerStopping,
}
