//! A line to a server, which can be cut.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub struct Line {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cuts: watch::Sender<()>,
    refuses: AtomicBool,
    /// The statement whose answer is not to arrive.
    last: Mutex<Option<&'static str>>,
}

impl Line {
    /// A line to this address.
    pub async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let (server, shared) = (server.to_owned(), state.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !shared.refuses.load(Ordering::SeqCst) {
                    let server = TcpStream::connect(&server).await.unwrap();
                    tokio::spawn(shared.clone().carry(client, server));
                }
            }
        });
        Self { port, state }
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.state.cuts.send_replace(());
    }

    /// Whether new connections end at once.
    pub fn refuse(&self, refuses: bool) {
        self.state.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Ends the connection of the next statement with this text once the server has answered it.
    pub fn cut_after(&self, statement: &'static str) {
        *self.state.last.lock().unwrap() = Some(statement);
    }
}

impl State {
    async fn carry(self: Arc<Self>, mut client: TcpStream, mut server: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let up = async {
            let mut buffer = [0; 16 * 1024];
            loop {
                let count = from_client.read(&mut buffer).await.unwrap_or(0);
                let sent = &buffer[..count];
                let is_last = self.takes_last(sent);
                if count == 0 || to_server.write_all(sent).await.is_err() || is_last {
                    break is_last;
                }
            }
        };
        let is_last = tokio::select! {
            biased;
            is_last = up => is_last,
            _ = copy(&mut from_server, &mut to_client) => false,
            _ = cuts.changed() => false,
        };
        if is_last {
            from_server.readable().await.unwrap();
        }
    }

    fn takes_last(&self, sent: &[u8]) -> bool {
        let sent = String::from_utf8_lossy(sent);
        self.last
            .lock()
            .unwrap()
            .take_if(|statement| sent.contains(*statement))
            .is_some()
    }
}
