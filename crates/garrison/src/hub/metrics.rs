use std::convert::Infallible;
use std::sync::Arc;

use api::App;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tracing::warn;

use crate::server::Arriving;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers on the listener that is there for metrics alone. Who reaches it may read them: that is what it is set up for.
pub(super) async fn answer(app: Arc<App>, request: Request<Arriving>) -> Result<Response<String>, Infallible> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = match (request.uri().path(), reads) {
        ("/metrics", true) => match app.metrics_text().await {
            Ok(text) => Response::new(text),
            Err(failure) => {
                warn!(cause = ?failure, "failed to read the metrics");
                status(StatusCode::SERVICE_UNAVAILABLE)
            }
        },
        ("/metrics", false) => status(StatusCode::METHOD_NOT_ALLOWED),
        _ => status(StatusCode::NOT_FOUND),
    };
    if response.status() == StatusCode::OK {
        response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
    }
    Ok(response)
}

fn status(status: StatusCode) -> Response<String> {
    let mut response = Response::new(format!("{status}\n"));
    *response.status_mut() = status;
    response
}
