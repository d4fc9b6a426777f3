//! Announcing and following on a real etcd: what is lost comes back.
//!
//! Most tests share the etcd at `ETCD_URL`, such as `etcd://localhost:2379`. Those that stop one start their own: `ETCD` is
//! the program; one needs openssl, too.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use etcd_client::{Client, DeleteOptions, GetOptions, Permission};
use platform_base::{Part, Stop};
use platform_registry::{Announcement, Config, Instance, Instances, Metadata, Registry};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

/// How soon after a fault everything must be as before.
const SOON: Duration = Duration::from_secs(5);

/// The host and port of the etcd of the tests.
fn server() -> String {
    let url = std::env::var("ETCD_URL").expect("ETCD_URL is the URL of an etcd: etcd://host:port");
    let host = url
        .strip_prefix("etcd://")
        .expect("ETCD_URL begins with etcd://");
    host.to_owned()
}

/// A part of the etcd that no other test uses, reached over a line that can be cut.
struct Etcd {
    line: Line,
    prefix: String,
    client: Client,
}

impl Etcd {
    async fn new() -> Self {
        Self::at(&server()).await
    }

    async fn at(server: &str) -> Self {
        Self {
            line: Line::to(server).await,
            prefix: format!("/{}", Uuid::new_v4()),
            client: Client::connect([server], None).await.unwrap(),
        }
    }

    fn registry(&self) -> Arc<dyn Registry> {
        let url = format!("etcd://127.0.0.1:{}", self.line.port);
        registry(&url, &self.prefix)
    }

    /// The records, with their leases.
    async fn records(&mut self) -> Vec<(String, String, i64)> {
        let all = GetOptions::new().with_prefix();
        let answer = self.client.get(self.prefix.as_str(), Some(all)).await;
        // An etcd that was just started does not answer yet.
        let Ok(answer) = answer else {
            return Vec::new();
        };
        let records = answer.kvs().iter().map(|record| {
            let key = record.key_str().unwrap().to_owned();
            (key, record.value_str().unwrap().to_owned(), record.lease())
        });
        records.collect()
    }

    /// Waits for the one record of `core`, which has a lease, and another than this.
    async fn record(&mut self, lost: i64) -> (String, String, i64) {
        let ends = Instant::now() + SOON;
        let of_core = format!("{}/core/", self.prefix);
        loop {
            let mut records = self.records().await;
            records.retain(|(key, ..)| key.starts_with(&of_core));
            match records.as_slice() {
                [record] if record.2 != 0 && record.2 != lost => return record.clone(),
                other => assert!(Instant::now() < ends, "{other:?}"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn put(&mut self, service: &str, id: &str) {
        let record = format!(
            r#"{{"id":"{id}","name":"{service}","version":"","metadata":null,"endpoints":["grpc://{id}:1"]}}"#
        );
        let key = format!("{}/{service}/{id}", self.prefix);
        self.client.put(key, record, None).await.unwrap();
    }

    async fn delete(&mut self, service: &str, id: &str) {
        let key = format!("{}/{service}/{id}", self.prefix);
        self.client.delete(key, None).await.unwrap();
    }

    async fn delete_all(&mut self) {
        let all = DeleteOptions::new().with_prefix();
        self.client
            .delete(self.prefix.as_str(), Some(all))
            .await
            .unwrap();
    }
}

fn registry(url: &str, prefix: &str) -> Arc<dyn Registry> {
    let mut config = Config::at(url).unwrap();
    config.prefix = prefix.to_owned();
    config.lease = Duration::from_secs(3);
    config.metadata = vec!["zone=a".parse::<Metadata>().unwrap()];
    platform_registry::open(&config)
}

/// A process that announces itself.
struct Process {
    part: Arc<dyn Part>,
    stop: Stop,
    running: JoinHandle<()>,
}

impl Process {
    fn start(registry: &Arc<dyn Registry>) -> Self {
        let part = registry.announce(Announcement {
            service: "core",
            version: "1.2.3",
            grpc: "127.0.0.1:9101".parse().unwrap(),
            http: "0.0.0.0:8101".parse().unwrap(),
        });
        let part = part.expect("etcd has something to announce to");
        let stop = Stop::default();
        let running = tokio::spawn({
            let (part, stop) = (part.clone(), stop.clone());
            async move { part.run(stop).await }
        });
        Self {
            part,
            stop,
            running,
        }
    }

    async fn is_ready(&self, wanted: bool) {
        let ends = Instant::now() + SOON;
        while self.part.ready().await.is_ok() != wanted {
            assert!(Instant::now() < ends, "ready should be {wanted}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(self) {
        self.stop.closing.cancel();
        timeout(SOON, self.running).await.unwrap().unwrap();
    }
}

/// Waits until these are the instances.
async fn are(instances: &mut Instances, ids: &[&str]) {
    let known = |instances: &Instances| {
        let known = instances.now().unwrap_or_default();
        known.iter().map(|one| one.id.clone()).collect::<Vec<_>>()
    };
    let waiting = async {
        while known(instances) != ids {
            instances.changed().await;
        }
    };
    if timeout(SOON, waiting).await.is_err() {
        panic!("{:?} should be {ids:?}", known(instances));
    }
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn a_process_has_the_record_of_kratos_from_its_start_to_its_end() {
    let mut etcd = Etcd::new().await;
    let process = Process::start(&etcd.registry());
    let (key, value, lease) = etcd.record(0).await;
    let instance: Instance = serde_json::from_str(&value).unwrap();
    assert_eq!(key, format!("{}/core/{}", etcd.prefix, instance.id));
    // The HTTP listener is on all addresses: the one from which this machine reaches the etcd is advertised.
    let expected = format!(
        r#"{{"id":"{}","name":"core","version":"1.2.3","metadata":{{"weight":"100","zone":"a"}},"endpoints":["grpc://127.0.0.1:9101","http://127.0.0.1:8101"]}}"#,
        instance.id
    );
    assert_eq!(value, expected);
    process.is_ready(true).await;

    process.stop().await;
    assert_eq!(etcd.records().await, []);
    let leases = etcd.client.leases().await.unwrap();
    assert!(!leases.leases().iter().any(|other| other.id() == lease));
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn a_record_that_is_deleted_or_overwritten_comes_back_each_time() {
    let mut etcd = Etcd::new().await;
    let process = Process::start(&etcd.registry());
    let (key, value, mut lease) = etcd.record(0).await;
    for round in 0..8 {
        process.is_ready(true).await;
        if round % 2 == 0 {
            etcd.delete_all().await;
        } else {
            etcd.client.put(key.as_str(), "{}", None).await.unwrap();
        }
        let again = etcd.record(lease).await;
        assert_eq!((&again.0, &again.1), (&key, &value));
        lease = again.2;
    }
    process.stop().await;
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn a_lease_that_is_revoked_is_replaced() {
    let mut etcd = Etcd::new().await;
    let process = Process::start(&etcd.registry());
    let (_, _, lease) = etcd.record(0).await;
    etcd.client.lease_revoke(lease).await.unwrap();
    etcd.record(lease).await;
    process.is_ready(true).await;
    process.stop().await;
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn a_process_registers_again_after_more_than_its_lease_without_etcd() {
    let mut etcd = Etcd::new().await;
    let process = Process::start(&etcd.registry());
    let (_, _, lease) = etcd.record(0).await;
    process.is_ready(true).await;
    etcd.line.refuse(true);
    process.is_ready(false).await;
    // The lease lasts 3 s.
    sleep(Duration::from_secs(6)).await;
    assert_eq!(etcd.records().await, []);

    etcd.line.refuse(false);
    etcd.record(lease).await;
    process.is_ready(true).await;
    process.stop().await;
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn a_process_that_starts_without_etcd_registers_when_there_is_one() {
    let mut etcd = Etcd::new().await;
    etcd.line.refuse(true);
    let process = Process::start(&etcd.registry());
    sleep(Duration::from_secs(1)).await;
    process.is_ready(false).await;
    etcd.line.refuse(false);
    etcd.record(0).await;
    process.is_ready(true).await;
    process.stop().await;
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn a_process_stops_in_time_while_etcd_is_away() {
    let mut etcd = Etcd::new().await;
    let process = Process::start(&etcd.registry());
    etcd.record(0).await;
    etcd.line.refuse(true);
    process.stop().await;
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn whoever_follows_a_service_sees_every_change_and_no_other_service() {
    let mut etcd = Etcd::new().await;
    etcd.put("core", "a").await;
    etcd.put("core2", "x").await;
    let mut instances = etcd.registry().follow("core");
    are(&mut instances, &["a"]).await;
    etcd.put("core", "b").await;
    etcd.put("core2", "y").await;
    are(&mut instances, &["a", "b"]).await;
    etcd.delete("core", "a").await;
    are(&mut instances, &["b"]).await;
    let now = instances.now().unwrap();
    assert_eq!(now[0].grpc().unwrap().host, "b");
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn what_was_last_known_stays_while_etcd_is_away_and_what_changed_is_seen_after() {
    let mut etcd = Etcd::new().await;
    for id in ["a", "b"] {
        etcd.put("core", id).await;
    }
    let mut instances = etcd.registry().follow("core");
    are(&mut instances, &["a", "b"]).await;
    etcd.line.refuse(true);
    etcd.put("core", "c").await;
    etcd.delete("core", "a").await;
    // Longer than the time for which a deleted record may stay: while nobody can be asked, nothing is removed.
    sleep(Duration::from_secs(4)).await;
    are(&mut instances, &["a", "b"]).await;

    // Revisions that a watch would need are gone, too.
    let revision = etcd
        .client
        .get("/", None)
        .await
        .unwrap()
        .header()
        .unwrap()
        .revision();
    etcd.client.compact(revision, None).await.unwrap();
    etcd.line.refuse(false);
    are(&mut instances, &["a", "b", "c"]).await;
    are(&mut instances, &["b", "c"]).await;
    etcd.put("core", "d").await;
    are(&mut instances, &["b", "c", "d"]).await;
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn the_only_instance_is_not_lost_when_its_record_is_deleted() {
    let mut etcd = Etcd::new().await;
    let registry = etcd.registry();
    let process = Process::start(&registry);
    let (key, _, lease) = etcd.record(0).await;
    let id = key.rsplit('/').next().unwrap().to_owned();
    let mut instances = registry.follow("core");
    are(&mut instances, &[&id]).await;
    etcd.delete_all().await;
    etcd.record(lease).await;
    assert_eq!(instances.now().unwrap().len(), 1);

    // One that is really gone is gone after the time of its lease.
    process.stop().await;
    are(&mut instances, &[]).await;
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn one_host_of_several_is_enough() {
    let mut etcd = Etcd::new().await;
    // Nothing listens on port 1.
    let url = format!(
        "etcd://127.0.0.1:1,127.0.0.1:{},127.0.0.1:1",
        etcd.line.port
    );
    let registry = registry(&url, &etcd.prefix);
    let process = Process::start(&registry);
    process.is_ready(true).await;
    let (key, ..) = etcd.record(0).await;
    let id = key.rsplit('/').next().unwrap();
    are(&mut registry.follow("core"), &[id]).await;
    process.stop().await;
}

#[tokio::test]
#[ignore = "needs ETCD_URL"]
async fn a_record_that_cannot_be_read_costs_no_other() {
    let mut etcd = Etcd::new().await;
    etcd.put("core", "a").await;
    let wrong = format!("{}/core/wrong", etcd.prefix);
    etcd.client.put(wrong, "not JSON", None).await.unwrap();
    let mut instances = etcd.registry().follow("core");
    are(&mut instances, &["a"]).await;
}

/// What happens to an etcd that is stopped.
#[derive(Clone, Copy)]
enum Fault {
    /// It has what it had.
    Restarted,
    /// It has lost everything.
    Emptied,
    /// It has what it had before others registered, and counts its revisions from there.
    RestoredFromABackup,
    /// It answers nothing for a while, and no connection ends.
    Paused,
}

/// The lease lasts 3 s, and each etcd is away for longer.
async fn everything_comes_back_after(fault: Fault) {
    let mut server = Server::start(&[]).await;
    let mut etcd = Etcd::at(&server.address()).await;
    // In a backup, the record of a process that ended long ago.
    let backup = server.data.path().join("backup");
    if let Fault::RestoredFromABackup = fault {
        etcd.put("other", "old").await;
        server.stop();
        copy_folder(&server.data.path().join("data"), &backup);
        server.run("data").await;
    }
    let registry = etcd.registry();
    let process = Process::start(&registry);
    process.is_ready(true).await;
    let (key, value, lease) = etcd.record(0).await;
    let id = key.rsplit('/').next().unwrap().to_owned();
    let mut instances = registry.follow("core");
    are(&mut instances, &[&id]).await;
    for revision in 0..20 {
        etcd.put("busy", &revision.to_string()).await;
    }
    // Whoever follows the service has the instance all the time.
    let watching = tokio::spawn({
        let mut instances = instances.clone();
        async move {
            loop {
                instances.changed().await;
                assert!(
                    !instances.now().unwrap().is_empty(),
                    "the instance was lost"
                );
            }
        }
    });

    if let Fault::Paused = fault {
        server.signal("STOP");
    } else {
        server.stop();
    }
    process.is_ready(false).await;
    sleep(Duration::from_secs(4)).await;
    match fault {
        Fault::Restarted => server.run("data").await,
        Fault::Emptied => server.run("empty").await,
        Fault::RestoredFromABackup => server.run("backup").await,
        Fault::Paused => server.signal("CONT"),
    }
    let again = etcd.record(lease).await;
    assert_eq!((&again.0, &again.1), (&key, &value));
    process.is_ready(true).await;
    are(&mut instances, &[&id]).await;

    // And it is followed from there.
    etcd.put("core", "another").await;
    let mut both = [id.as_str(), "another"];
    both.sort_unstable();
    are(&mut instances, &both).await;
    assert!(!watching.is_finished(), "the instance was lost");
    watching.abort();
    process.stop().await;
}

#[tokio::test]
#[ignore = "needs ETCD"]
async fn an_etcd_that_is_restarted_costs_nothing() {
    everything_comes_back_after(Fault::Restarted).await;
}

#[tokio::test]
#[ignore = "needs ETCD"]
async fn an_etcd_that_lost_its_data_costs_nothing() {
    everything_comes_back_after(Fault::Emptied).await;
}

#[tokio::test]
#[ignore = "needs ETCD"]
async fn an_etcd_from_a_backup_costs_nothing() {
    everything_comes_back_after(Fault::RestoredFromABackup).await;
}

#[tokio::test]
#[ignore = "needs ETCD"]
async fn an_etcd_that_pauses_costs_nothing() {
    everything_comes_back_after(Fault::Paused).await;
}

#[tokio::test]
#[ignore = "needs ETCD"]
async fn a_process_stops_in_time_while_etcd_is_silent() {
    let server = Server::start(&[]).await;
    let etcd = Etcd::at(&server.address()).await;
    let process = Process::start(&etcd.registry());
    process.is_ready(true).await;
    server.signal("STOP");
    let begun = Instant::now();
    process.stop().await;
    // The timeout of an answer is 2 s.
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}

/// A process at this URL is announced and found; or, if the URL is not right, it is not and can be stopped.
async fn is_let_in(url: &str, wanted: bool) {
    let registry = registry(url, "/microservices");
    let process = Process::start(&registry);
    let mut instances = registry.follow("core");
    if wanted {
        process.is_ready(true).await;
        let found = async {
            while instances.now().is_none_or(|found| found.is_empty()) {
                instances.changed().await;
            }
        };
        timeout(SOON, found).await.unwrap();
    } else {
        sleep(Duration::from_secs(1)).await;
        process.is_ready(false).await;
        assert!(instances.now().is_none(), "{url}");
    }
    process.stop().await;
}

#[tokio::test]
#[ignore = "needs ETCD"]
async fn an_etcd_with_a_password_wants_it_and_the_user_needs_the_prefix_alone() {
    let server = Server::start(&[]).await;
    let address = server.address();
    let mut client = Client::connect([&address], None).await.unwrap();
    for (user, role) in [("root", "root"), ("app", "app")] {
        client.user_add(user, "p@ss", None).await.unwrap();
        client.role_add(role).await.unwrap();
        client.user_grant_role(user, role).await.unwrap();
    }
    let prefix = Permission::read_write("/microservices/").with_prefix();
    client.role_grant_permission("app", prefix).await.unwrap();
    client.auth_enable().await.unwrap();

    is_let_in(&format!("etcd://app:p%40ss@{address}"), true).await;
    is_let_in(&format!("etcd://app:wrong@{address}"), false).await;
    is_let_in(&format!("etcd://{address}"), false).await;
}

#[tokio::test]
#[ignore = "needs ETCD"]
async fn an_etcd_with_tls_is_verified_and_verifies() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    for ca in ["ca", "other-ca"] {
        certificate(&folder, ca, None);
    }
    certificate(&folder, "server", Some("ca"));
    certificate(&folder, "client", Some("ca"));
    certificate(&folder, "stranger", Some("other-ca"));
    let server = Server::start(&[
        "--client-cert-auth",
        "--trusted-ca-file",
        &file("ca.pem"),
        "--cert-file",
        &file("server.pem"),
        "--key-file",
        &file("server.key"),
    ])
    .await;
    let host = format!("etcd://localhost:{}", server.ports[0]);
    let [ca, other_ca] = ["ca.pem", "other-ca.pem"].map(file);
    let [client, stranger] =
        ["client", "stranger"].map(|name| format!("cert={0}.pem&key={0}.key", file(name)));

    is_let_in(&format!("{host}?ca={ca}&{client}"), true).await;
    for wrong in [
        format!("?ca={other_ca}&{client}"),
        format!("?{client}"),
        format!("?ca={ca}&{stranger}"),
        format!("?ca={ca}"),
        String::new(),
    ] {
        is_let_in(&format!("{host}{wrong}"), false).await;
    }
}

/// Writes a certificate for localhost, and its key, signed by an issuer or, as one, by itself.
fn certificate(folder: &TempDir, name: &str, issuer: Option<&str>) {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder.path()).args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]);
    openssl.args([
        "-subj",
        &format!("/CN={name}"),
        "-keyout",
        &format!("{name}.key"),
    ]);
    openssl.args(["-out", &format!("{name}.pem")]);
    if let Some(issuer) = issuer {
        openssl.args([
            "-CA",
            &format!("{issuer}.pem"),
            "-CAkey",
            &format!("{issuer}.key"),
        ]);
        openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    }
    let made = openssl.output().unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

/// An etcd of a test's own.
struct Server {
    data: TempDir,
    ports: [u16; 2],
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Server {
    async fn start(arguments: &[&str]) -> Self {
        // Both are bound before either is free again, so they differ.
        let free = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let mut server = Self {
            data: TempDir::new().unwrap(),
            ports: free.map(|port| port.local_addr().unwrap().port()),
            arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
            process: None,
        };
        server.run("data").await;
        server
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// Runs it on the data in this folder.
    async fn run(&mut self, data: &str) {
        let program = std::env::var("ETCD").expect("ETCD is the program of an etcd");
        let [clients, peers] = self.ports.map(|port| format!("http://127.0.0.1:{port}"));
        let with_tls = self
            .arguments
            .iter()
            .any(|argument| argument == "--cert-file");
        let clients = if with_tls {
            clients.replace("http:", "https:")
        } else {
            clients
        };
        let process = Command::new(program)
            .args(["--name", "n1", "--unsafe-no-fsync", "--data-dir"])
            .arg(self.data.path().join(data))
            .args([
                "--listen-client-urls",
                &clients,
                "--advertise-client-urls",
                &clients,
            ])
            .args([
                "--listen-peer-urls",
                &peers,
                "--initial-advertise-peer-urls",
                &peers,
            ])
            .args(["--initial-cluster", &format!("n1={peers}")])
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.expect("ETCD is the program of an etcd"));
        let ends = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(self.address()).await.is_err() {
            assert!(Instant::now() < ends, "etcd does not start");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn signal(&self, name: &str) {
        let process = self.process.as_ref().unwrap().id().to_string();
        let mut kill = Command::new("kill");
        let sent = kill.args(["-s", name, &process]).status();
        assert!(sent.unwrap().success());
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A line to a server, which can be cut.
struct Line {
    port: u16,
    refuses: Arc<AtomicBool>,
    cuts: watch::Sender<()>,
}

impl Line {
    async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let refuses = Arc::new(AtomicBool::new(false));
        let cuts = watch::Sender::new(());
        let (server, is_cut, cut) = (server.to_owned(), refuses.clone(), cuts.clone());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(mut server) = TcpStream::connect(&server).await else {
                    continue;
                };
                let mut cuts = cut.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self {
            port,
            refuses,
            cuts,
        }
    }

    /// Whether connections end at once: those there are, and new ones.
    fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
        if refuses {
            self.cuts.send_replace(());
        }
    }
}
