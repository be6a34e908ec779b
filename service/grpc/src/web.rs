//! gRPC-Web: the same services for browsers, which cannot read trailers and ask before they call another origin.

use crate::known_callers::KnownCallersLayer;
use axum::Router;
use cairn_stack::Origins;
use http::{HeaderName, Method, header};
use std::time::Duration;
use tonic_web::GrpcWebLayer;
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

/// What a page may read of an answer: in an answer without a body the status is in the headers.
const EXPOSED: [HeaderName; 4] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    header::DATE,
];
/// How long a browser may go by what it was told.
const PREFLIGHT_AGE: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The services of `router` for known callers, and for browsers as well: for pages of these origins. A browser asks whether
/// it may call before it says who does, and is to understand a refusal.
pub fn for_browsers(router: Router, origins: Origins) -> Router {
    let allowed = match origins {
        Origins::Any => AllowOrigin::from(Any),
        Origins::Loopback => AllowOrigin::predicate(move |origin, _| origins.allowed(origin).is_some()),
    };
    let origins = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::POST])
        // Not `*`, which would leave out `authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_AGE);
    router.layer(KnownCallersLayer).layer(GrpcWebLayer::new()).layer(origins)
}
