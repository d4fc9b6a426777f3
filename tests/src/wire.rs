//! Between a service and its servers: a connection that fails, and certificates.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A proxy to a server on this machine. It can delay answers and cut connections.
pub struct Line {
    port: u16,
    delay: Arc<AtomicU64>,
    is_cut: Arc<AtomicBool>,
}

impl Line {
    /// A proxy to the port.
    pub fn to(server: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let line = Self {
            port: listener.local_addr()?.port(),
            delay: Arc::default(),
            is_cut: Arc::default(),
        };
        let (delay, is_cut) = (line.delay.clone(), line.is_cut.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                pass(&client, &server, &Arc::default(), &is_cut);
                pass(&server, &client, &delay, &is_cut);
            }
        });
        Ok(line)
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Delays each answer by this time from now on.
    pub fn delay(&self, delay: Duration) {
        self.delay.store(delay.as_millis() as u64, Ordering::SeqCst);
    }

    /// Closes every connection and refuses new ones, or accepts them again.
    pub fn cut(&self, cut: bool) {
        self.is_cut.store(cut, Ordering::SeqCst);
    }
}

/// Forwards bytes until either side ends or the line is cut.
fn pass(from: &TcpStream, to: &TcpStream, delay: &Arc<AtomicU64>, is_cut: &Arc<AtomicBool>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let (delay, is_cut) = (delay.clone(), is_cut.clone());
    from.set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while !is_cut.load(Ordering::SeqCst) {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    thread::sleep(Duration::from_millis(delay.load(Ordering::SeqCst)));
                    if is_cut.load(Ordering::SeqCst) || to.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// A certificate authority (`ca.pem`), and a certificate from it for a server on this machine (`server.pem`,
/// `server.key`).
pub struct Certificates(TempDir);

impl Certificates {
    /// Makes both.
    pub fn make() -> Result<Self> {
        let folder = TempDir::new()?;
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let server = CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
        let write = |name: &str, text: String| {
            fs::write(folder.path().join(name), text).context("cannot write a certificate")
        };
        write("ca.pem", certificate.pem())?;
        write("server.pem", server.pem())?;
        write("server.key", key.serialize_pem())?;
        Ok(Self(folder))
    }

    /// The path of one of the files.
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}
