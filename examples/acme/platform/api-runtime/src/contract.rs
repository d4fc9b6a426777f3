//! A service, with everything that a server needs to offer it on both transports.

use std::{convert::Infallible, fmt, sync::Arc};

use tower::Service;

use crate::{
    endpoint::{Endpoint, Request},
    method::Method,
    rest::Route,
};

/// The largest gRPC request message in bytes, regardless of the server's body limit: the memory for a message is
/// allocated when its length is read, before the message arrives.
pub const LARGEST_MESSAGE: usize = 64 * 1024 * 1024;

/// The largest gRPC request message of a call, as an extension of its request; [`LARGEST_MESSAGE`] without one.
///
/// It bounds what becomes of a compressed message, of which the server's body limit says nothing.
#[derive(Clone, Copy, Debug)]
pub struct LargestMessage(pub usize);

impl Default for LargestMessage {
    fn default() -> Self {
        Self(LARGEST_MESSAGE)
    }
}

/// One proto service and its implementation, made by the generated `…_service(implementation)`.
#[derive(Clone)]
pub struct Contract {
    /// Full name of the proto service, `consultants.v1.ConsultantsService`.
    pub name: &'static str,
    /// Its methods, in the order of the contract.
    pub methods: &'static [Method],
    /// Serialized `google.protobuf.FileDescriptorSet` of the contract and everything that it imports, for reflection.
    pub descriptor_set: &'static [u8],
    /// OpenAPI 3.1 document (JSON) of this service alone; see [`crate::openapi::merge`].
    pub openapi: &'static str,
    /// Answers the gRPC calls of every method.
    pub(crate) grpc: Endpoint,
    /// Answers REST requests, one entry per HTTP binding.
    pub(crate) rest: Arc<[Route]>,
}

impl Contract {
    /// Called by generated code; `grpc` makes the tonic server of the service, for messages of this size at most.
    pub fn new<G, E>(
        description: Description,
        grpc: impl Fn(usize) -> G + Send + Sync + 'static,
        rest: impl Into<Arc<[Route]>>,
    ) -> Self
    where
        G: Service<
                Request,
                Response = http::Response<tonic::body::Body>,
                Error = Infallible,
                Future = E,
            >,
        E: Future<Output = Result<http::Response<tonic::body::Body>, Infallible>> + Send + 'static,
    {
        let grpc = Endpoint::new(move |request| {
            let largest = request.extensions().get();
            let LargestMessage(largest) = largest.copied().unwrap_or_default();
            let answer = grpc(largest).call(request);
            Box::pin(async move {
                answer
                    .await
                    .map(|response| response.map(axum::body::Body::new))
            })
        });
        let Description {
            name,
            methods,
            descriptor_set,
            openapi,
        } = description;
        Self {
            name,
            methods,
            descriptor_set,
            openapi,
            grpc,
            rest: rest.into(),
        }
    }

    /// The HTTP bindings of its methods.
    pub fn routes(&self) -> &[Route] {
        &self.rest
    }
}

/// The description of a proto service, without its implementation: see the fields of [`Contract`].
pub struct Description {
    pub name: &'static str,
    pub methods: &'static [Method],
    pub descriptor_set: &'static [u8],
    pub openapi: &'static str,
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract")
            .field("name", &self.name)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}
