//! Test doubles of other services.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, extract::Request as HttpRequest, routing::post};
use http::HeaderMap;
use prost::Message;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{Request, Response, Status, server::Grpc};
use tonic_prost::ProstCodec;

/// A gRPC server in place of other services. It has the methods that a test defines, with the responses that it gives.
#[derive(Default)]
pub struct Double {
    methods: Router,
    calls: Calls,
}

/// The headers of each call, in the order of arrival.
type Calls = Arc<Mutex<Vec<HeaderMap>>>;

/// A [`Double`] that serves, until it is stopped or dropped.
pub struct RunningDouble {
    address: SocketAddr,
    calls: Calls,
    serving: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Double {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the method at a path such as `/users.v1.UsersService/GetUser`.
    pub fn method<Q, A>(
        self,
        path: &str,
        answer: impl Fn(Q) -> Result<A, Status> + Clone + Send + Sync + 'static,
    ) -> Self
    where
        Q: Message + Default + 'static,
        A: Message + 'static,
    {
        let calls = self.calls.clone();
        let handler = async move |request: HttpRequest| {
            note(&calls, request.headers());
            let method = tower::service_fn(move |request: Request<Q>| {
                std::future::ready(answer(request.into_inner()).map(Response::new))
            });
            Grpc::new(ProstCodec::<A, Q>::default())
                .unary(method, request)
                .await
        };
        Self {
            methods: self.methods.route(path, post(handler)),
            calls: self.calls,
        }
    }

    /// Starts to serve, on a free port.
    pub async fn start(self) -> RunningDouble {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let (serving, ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            axum::serve(listener, self.methods)
                // Dropping the sender is the signal.
                .with_graceful_shutdown(async move { drop(ended.await) })
                .await
                .expect("the double is served");
        });
        RunningDouble {
            address,
            calls: self.calls,
            serving,
            task,
        }
    }
}

fn note(calls: &Calls, headers: &HeaderMap) {
    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    calls.push(headers.clone());
}

impl RunningDouble {
    /// The address, as configurations have it: `http://host:port`.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The headers of each call so far, in the order of arrival.
    /// [`TestServer::proven_service`](crate::TestServer::proven_service) returns the service that sent a call.
    pub fn calls(&self) -> Vec<HeaderMap> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    }

    /// Closes every connection and stops listening.
    pub async fn stop(self) {
        drop(self.serving);
        self.task.await.expect("the double stops");
    }
}
