//! Doubles of other services.

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

/// Other services, over gRPC, as far as a test needs them: those of their methods that it gives an answer to.
#[derive(Default)]
pub struct Double {
    methods: Router,
    calls: Calls,
}

/// The headers of the calls that came, in their order.
type Calls = Arc<Mutex<Vec<HeaderMap>>>;

/// A [`Double`] that answers, until it is stopped or dropped.
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

    /// Answers the method at a path such as `/users.v1.UsersService/GetUser`.
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

    /// Answers from now on, on a free port.
    pub async fn start(self) -> RunningDouble {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let (serving, ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            axum::serve(listener, self.methods)
                // Dropping the other half is the signal.
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
    /// As a configuration has it: `http://host:port`.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The headers of the calls so far, in their order; [`TestServer::proven_service`](crate::TestServer::proven_service)
    /// tells who proved to have sent one.
    pub fn calls(&self) -> Vec<HeaderMap> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    }

    /// Closes every connection; nothing answers at the address from then on.
    pub async fn stop(self) {
        drop(self.serving);
        self.task.await.expect("the double stops");
    }
}
