use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::config::defaults;

/// The configuration of a service `shop` with this file and these environment variables.
fn layers(yaml: &str, variables: &[(&str, &str)]) -> Layers {
    let mut layers = vec![
        Layer::new("default", defaults("shop")),
        Layer::yaml("shop.yaml", yaml).unwrap(),
    ];
    layers.extend(
        variables
            .iter()
            .filter_map(|(name, value)| Layer::variable("shop", "variable", name, value)),
    );
    Layers::merge(layers)
}

fn config(yaml: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let mut layers = layers(yaml, variables);
    let config = layers.config(&defaults("shop"));
    layers.finish().map_err(|error| error.to_string())?;
    Ok(config.unwrap())
}

#[test]
fn without_a_word_everything_has_a_default() {
    let config = config("", &[]).unwrap();
    assert_eq!(config.http.port, 8080);
    assert_eq!(config.limits.timeout.as_secs(), 30);
}

#[test]
fn a_later_layer_goes_over_an_earlier_one_key_by_key() {
    let yaml = "http: {host: 0.0.0.0, port: 1}\nlog: {format: json}";
    let config = config(
        yaml,
        &[("SHOP__HTTP__PORT", "2"), ("CORE__HTTP__PORT", "3")],
    )
    .unwrap();
    assert_eq!(
        (config.http.host.to_string().as_str(), config.http.port),
        ("0.0.0.0", 2)
    );
    assert_eq!(config.log.format, crate::config::LogFormat::Json);
}

#[test]
fn every_mistake_is_reported_with_its_key_and_its_source() {
    let yaml = "
http: {port: many, prot: 1}
limits: {timeout: 5, body: 0}
cache: {ttl: 0s, memory: 0, root_certificate: /nowhere.pem}
log: {format: xml}
databse: {url: x}
";
    let variables = [
        ("SHOP__GRPC__PORT", "99999"),
        ("SHOP__TELEMETRY__SAMPLE_RATIO", "2"),
        ("SHOP__HTTP__NAME", "x"),
    ];
    let error = config(yaml, &variables).unwrap_err();
    let expected = "\
the configuration is wrong in 12 places:
  cache.memory: must be at least 1 (shop.yaml)
  cache.root_certificate: /nowhere.pem cannot be read: I/O error: No such file or directory (os error 2) (shop.yaml)
  cache.ttl: must be at least 1ms (shop.yaml)
  databse: there is no such key (shop.yaml)
  grpc.port: invalid value: integer `99999`, expected u16 (variable SHOP__GRPC__PORT)
  http.name: there is no such key (variable SHOP__HTTP__NAME)
  http.port: invalid type: string \"many\", expected u16 (shop.yaml)
  http.prot: there is no such key (shop.yaml)
  limits.body: must be from 1 to 67108864 (shop.yaml)
  limits.timeout: invalid type: integer `5`, expected a string (shop.yaml)
  log.format: unknown variant `xml`, expected `pretty` or `json` (shop.yaml)
  telemetry.sample_ratio: must be from 0 to 1 (variable SHOP__TELEMETRY__SAMPLE_RATIO)";
    assert_eq!(error, expected);
}

#[test]
fn a_password_in_a_wrong_url_is_not_repeated() {
    let error = config(
        "",
        &[("SHOP__DATABASE__URL", "mysql://shop:secret@host/shop")],
    )
    .unwrap_err();
    assert!(
        error.contains("database.url: must start with sqlite:// or postgres://"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");

    for url in ["redis://:secret@host:port", "http://:secret@host"] {
        let error = config("", &[("SHOP__CACHE__URL", url)]).unwrap_err();
        assert!(error.contains("cache.url: "), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_list_is_written_as_one_or_with_commas() {
    let proxies = |yaml, variables| config(yaml, variables).map(|config| config.http.proxies.len());
    assert_eq!(
        proxies("http: {proxies: [10.0.0.0/8, 'fd00::/8']}", &[]),
        Ok(2)
    );
    assert_eq!(
        proxies("", &[("SHOP__HTTP__PROXIES", "10.0.0.0/8, fd00::/8")]),
        Ok(2)
    );
    assert_eq!(
        proxies(
            "http: {proxies: [10.0.0.0/8]}",
            &[("SHOP__HTTP__PROXIES", "")]
        ),
        Ok(0)
    );
    let error = proxies("http: {proxies: [10.0.0.0]}", &[]).unwrap_err();
    assert!(error.contains("http.proxies: `10.0.0.0`: "), "{error}");
}

#[test]
fn a_rate_and_an_origin_are_written_as_people_write_them() {
    let yaml =
        "limits: {rate: 100/1m}\nhttp: {cors: {origins: [https://app.example.com:8443, '*']}}";
    let read = config(yaml, &[]).unwrap();
    let rate = read.limits.rate.unwrap();
    assert_eq!((rate.requests, rate.per.as_secs()), (100, 60));
    assert_eq!(read.http.cors.origins.len(), 2);
    let none = config(yaml, &[("SHOP__LIMITS__RATE", "")]).unwrap();
    assert!(none.limits.rate.is_none());

    for rate in ["100", "0/1m", "-1/1m", "100/0s", "100/2days", "x/1m"] {
        let error = config("", &[("SHOP__LIMITS__RATE", rate)]).unwrap_err();
        assert!(error.contains("limits.rate: "), "{error}");
    }
    for origin in [
        "app.example.com",
        "https://app.example.com/",
        "https://App.example.com",
    ] {
        let error = config("", &[("SHOP__HTTP__CORS__ORIGINS", origin)]).unwrap_err();
        assert!(error.contains("is no origin like"), "{error}");
    }
}

#[test]
fn a_secret_is_not_printed() {
    let yaml =
        "database: {url: 'postgres://shop:secret@host/shop'}\ncache: {url: 'redis://:secret@host'}";
    let config = config(yaml, &[]).unwrap();
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn every_form_of_a_cache_s_url_is_taken() {
    for url in [
        "memory://",
        "redis://host",
        "redis://user:password@host:6379/1",
        "rediss://default:password@eu1-name-12345.upstash.io:6379",
        "redis-cluster://user:password@one:30001?node=two:30002&node=three:30003",
        "rediss-cluster://one:30001",
        "redis-sentinel://:password@one:26379/1?sentinelServiceName=main&node=two:26379",
    ] {
        config("", &[("SHOP__CACHE__URL", url)]).unwrap_or_else(|error| panic!("{url}: {error}"));
    }
}

#[derive(Debug, Deserialize)]
struct Settings {
    greeting: String,
    #[serde(default)]
    times: u32,
}

#[test]
fn a_service_has_typed_settings_of_its_own() {
    let mut layers = layers(
        "service: {greeting: '007'}",
        &[("SHOP__SERVICE__TIMES", "3")],
    );
    let settings: Settings = layers.settings().unwrap();
    assert_eq!((settings.greeting.as_str(), settings.times), ("007", 3));
    assert_eq!(layers.finish(), Ok(()));
}

#[test]
fn text_of_the_environment_is_a_number_only_where_one_is_expected() {
    let settings: Settings = layers("", &[("SHOP__SERVICE__GREETING", "7")])
        .settings()
        .unwrap();
    assert_eq!(settings.greeting, "7");
}

#[test]
fn mistakes_of_a_service_s_settings_are_reported_with_all_others() {
    let mut layers = layers("http: {port: x}\nservice: {times: -1, time: 2}", &[]);
    assert!(layers.config(&defaults("shop")).is_some());
    assert!(layers.settings::<Settings>().is_none());
    let keys: Vec<_> = layers
        .finish()
        .unwrap_err()
        .problems
        .into_iter()
        .map(|problem| (problem.key, problem.message))
        .collect();
    assert_eq!(
        keys,
        [
            (
                "http.port".to_owned(),
                "invalid type: string \"x\", expected u16".to_owned()
            ),
            ("service".to_owned(), "missing field `greeting`".to_owned()),
            (
                "service.times".to_owned(),
                "invalid value: integer `-1`, expected u32".to_owned()
            ),
        ]
    );
}

#[test]
fn settings_that_a_service_never_reads_are_refused() {
    let error = layers("service: {greeting: hello}", &[])
        .finish()
        .unwrap_err();
    assert_eq!(error.problems[0].key, "service.greeting");
}

#[test]
fn a_mounted_service_is_configured_in_the_file_of_its_process() {
    let mut file = Layer::yaml(
        "core.yaml",
        "log: {level: debug}\nmounted: {shop: {database: {url: 'sqlite://x.db'}}}",
    )
    .unwrap();
    let of_shop = file.take_mounted("shop").unwrap();
    assert_eq!(
        of_shop.values,
        json!({"database": {"url": "sqlite://x.db"}})
    );
    assert_eq!(file.values, json!({"log": {"level": "debug"}}));
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place() {
    let problem = Layer::yaml("shop.yaml", "http: {port: 1").err().unwrap();
    assert_eq!(problem.source, "shop.yaml");
    assert!(
        problem.message.starts_with("is no YAML"),
        "{}",
        problem.message
    );
    assert!(Layer::yaml("shop.yaml", "# nothing\n\n").is_ok());
    assert!(Layer::yaml("shop.yaml", "- a list").is_err());
}
