//! The configuration sections of a process. Each is declared next to the code that it configures.

use std::time::Duration;

use platform_base::section;

section! {
    /// What every service can be told.
    pub struct Config {
        http: platform_server::Http,
        grpc: platform_server::Grpc,
        database: platform_database::Config,
        cache: platform_cache::Config,
        auth: platform_auth::Config,
        log: platform_telemetry::Log,
        telemetry: platform_telemetry::Telemetry,
        limits: platform_server::Limits,
        shutdown: Shutdown,
    }
}

section! {
    /// How a process ends.
    pub struct Shutdown {
        /// After SIGTERM: how long to be not ready while still serving, so that load balancers notice. Ctrl-C skips it.
        drain: Duration = "2s" => within("0s", "10m"),
        /// After SIGTERM: the process ends within this time, drain included.
        timeout: Duration = "20s" => within("0s", "1h"),
    }
}
