use std::{net::IpAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::*;

crate::section! {
    /// The sections of a service.
    struct Root {
        http: Http,
        store: Store,
    }
}

crate::section! {
    struct Http {
        /// The address to listen on.
        host: IpAddr = "127.0.0.1",
        /// The port.
        port: u16 = 8080,
        proxies: Vec<IpNet> = EMPTY,
        timeout: Duration = "30s" => within("1ms", "1h"),
        ratio: f64 = 0.5 => within(0, 1),
    }
}

crate::section! {
    struct Store {
        /// Where it is.
        url: SecretString = "sqlite://data/{service}.db" => secret(),
        file: Option<PathBuf> = NONE,
        create: Option<bool> = NONE,
    }
}

crate::section! {
    /// The service's own.
    struct Settings {
        greeting: String,
        times: u32 = 0 => within(0, 10),
    }
}

/// The configuration of a service `shop` with this file and these environment variables.
fn configuration(yaml: &str, variables: &[(&str, &str)]) -> Configuration {
    let mut layers = vec![Layer::yaml("shop.yaml", yaml).unwrap()];
    layers.extend(
        variables
            .iter()
            .filter_map(|(name, value)| Layer::variable("shop", "variable", name, value)),
    );
    Configuration::new("shop", layers)
}

fn root(yaml: &str, variables: &[(&str, &str)]) -> Result<Root, String> {
    let mut configuration = configuration(yaml, variables);
    let root = configuration.read("");
    configuration.finish().map_err(|error| error.to_string())?;
    Ok(root.unwrap())
}

#[test]
fn every_key_has_its_default() {
    let root = root("", &[]).unwrap();
    assert_eq!(root.http.port, 8080);
    assert_eq!(root.http.timeout, Duration::from_secs(30));
    assert_eq!(root.store.url.expose_secret(), "sqlite://data/shop.db");
    assert_eq!((root.http.ratio, root.store.create), (0.5, None));
}

#[test]
fn a_later_layer_goes_over_an_earlier_one_key_by_key() {
    let yaml = "http: {host: 0.0.0.0, port: 1}\nstore: {file: a, create: true}";
    let variables = [
        ("SHOP__HTTP__PORT", "2"),
        ("CORE__HTTP__PORT", "3"),
        ("SHOP__STORE__FILE", ""),
    ];
    let root = root(yaml, &variables).unwrap();
    assert_eq!(root.http.host.to_string(), "0.0.0.0");
    assert_eq!(root.http.port, 2);
    assert_eq!((root.store.file, root.store.create), (None, Some(true)));
}

#[test]
fn every_mistake_is_reported_with_its_key_and_its_source() {
    let yaml = "
http: {port: many, prot: 1, host: {}, proxies: [10.0.0.0]}
store: 7
databse: {url: x}
";
    let variables = [
        ("SHOP__HTTP__TIMEOUT", "0s"),
        ("SHOP__HTTP__RATIO", "2"),
        ("SHOP__HTTP__NAME", "x"),
    ];
    let error = root(yaml, &variables).unwrap_err();
    let expected = "\
the configuration is wrong in 9 places:
  databse: there is no such key (shop.yaml)
  http.host: `{}` is not a text: put it in quotes (shop.yaml)
  http.name: there is no such key (variable SHOP__HTTP__NAME)
  http.port: `many` is not a whole number from 0 to 65535 (shop.yaml)
  http.prot: there is no such key; is `http.port` meant? (shop.yaml)
  http.proxies: `10.0.0.0`: invalid IP address syntax (shop.yaml)
  http.ratio: must be from 0 to 1 (variable SHOP__HTTP__RATIO)
  http.timeout: must be from 1ms to 1h (variable SHOP__HTTP__TIMEOUT)
  store: is a section: its keys stand below it (shop.yaml)";
    assert_eq!(error, expected);
}

#[test]
fn a_list_is_written_as_one_or_with_commas() {
    let proxies = |yaml, variables| root(yaml, variables).map(|root| root.http.proxies.len());
    let yaml = "http: {proxies: [10.0.0.0/8, 'fd00::/8']}";
    assert_eq!(proxies(yaml, &[]), Ok(2));
    let both = [("SHOP__HTTP__PROXIES", "10.0.0.0/8, fd00::/8")];
    assert_eq!(proxies("", &both), Ok(2));
    assert_eq!(proxies(yaml, &[("SHOP__HTTP__PROXIES", "")]), Ok(0));
}

#[test]
fn a_secret_is_shown_nowhere() {
    let yaml = "store: {url: 'postgres://shop:hidden@host/shop'}";
    let mut configuration = configuration(yaml, &[]);
    let root: Root = configuration.read("").unwrap();
    assert!(!format!("{root:?} {:?}", configuration.shown()).contains("hidden"));
}

#[test]
fn a_key_is_shown_with_its_effective_value_and_its_source() {
    let mut configuration = configuration("http: {host: '::1'}", &[("SHOP__HTTP__PORT", "2")]);
    configuration.read::<Root>("").unwrap();
    let shown = |key: &str| {
        let shown = configuration.shown().iter().find(|shown| shown.key == key);
        let shown = shown.unwrap();
        (shown.value.clone().unwrap(), shown.source.clone())
    };
    assert_eq!(
        shown("http.host"),
        ("::1".to_owned(), "shop.yaml".to_owned())
    );
    let variable = "variable SHOP__HTTP__PORT".to_owned();
    assert_eq!(shown("http.port"), ("2".to_owned(), variable));
    assert_eq!(
        shown("http.timeout"),
        ("30s".to_owned(), "default".to_owned())
    );
    let port = &configuration.shown()[1];
    assert_eq!(
        (port.doc.as_str(), port.kind),
        ("The port.", "whole number")
    );
    assert_eq!(port.variable("shop"), "SHOP__HTTP__PORT");
}

#[test]
fn a_service_has_settings_of_its_own() {
    let yaml = "service: {greeting: '007'}";
    let mut configuration = configuration(yaml, &[("SHOP__SERVICE__TIMES", "3")]);
    configuration.read::<Root>("").unwrap();
    let settings: Settings = configuration.read("service").unwrap();
    assert_eq!((settings.greeting.as_str(), settings.times), ("007", 3));
    assert_eq!(configuration.finish(), Ok(()));
}

#[test]
fn mistakes_of_a_service_s_settings_are_reported_with_all_others() {
    let mut configuration = configuration("http: {port: x}\nservice: {times: -1, time: 2}", &[]);
    assert!(configuration.read::<Root>("").is_some());
    assert!(configuration.read::<Settings>("service").is_none());
    let problems = configuration.finish().unwrap_err().problems;
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| format!("{}: {}", problem.key, problem.message))
        .collect();
    assert_eq!(
        problems,
        [
            "http.port: `x` is not a whole number from 0 to 65535",
            "service.greeting: must be given",
            "service.time: there is no such key; is `service.times` meant?",
            "service.times: `-1` is not a whole number from 0 to 4294967295",
        ]
    );
}

#[test]
fn settings_that_a_service_never_reads_are_refused() {
    let mut configuration = configuration("service: {greeting: hello}", &[]);
    configuration.read::<Root>("").unwrap();
    let problems = configuration.finish().unwrap_err().problems;
    assert_eq!(problems[0].key, "service.greeting");
}

#[test]
fn a_variable_that_is_close_to_a_key_is_found() {
    let mut configuration = configuration("", &[]);
    configuration.read::<Root>("").unwrap();
    let names = [
        "SHOP_HTTP__PORT",
        "SHOP_HTTP_PROT",
        "SHOP_STORE_URL",
        "SHOP_SERVICE_HOST",
        "SHOP_SERVICE_PORT",
        "SHOP_PORT_8101_TCP",
        "SHOP_HTTP_SOMETHING",
        "SHOPPING_HTTP_PORT",
        "HTTP_PORT",
    ];
    let expected = [
        ("SHOP_HTTP__PORT", "SHOP__HTTP__PORT".to_owned()),
        ("SHOP_HTTP_PROT", "SHOP__HTTP__PORT".to_owned()),
        ("SHOP_STORE_URL", "SHOP__STORE__URL".to_owned()),
    ];
    assert_eq!(configuration.misspelt(names), expected);
}

#[test]
fn a_mounted_service_is_configured_in_the_file_of_its_process() {
    let yaml = "log: {level: debug}\nmounted: {shop: {database: {url: 'sqlite://x.db'}}}";
    let mut file = Layer::yaml("core.yaml", yaml).unwrap();
    let of_shop = file.take_mounted("shop").unwrap();
    assert_eq!(
        of_shop.values,
        json!({"database": {"url": "sqlite://x.db"}})
    );
    assert_eq!(file.values, json!({"log": {"level": "debug"}}));
}

#[test]
fn what_is_not_yaml_is_refused_with_its_place() {
    let problem = Layer::yaml("shop.yaml", "http: {port: 1").err().unwrap();
    assert_eq!(problem.source, "shop.yaml");
    assert!(problem.message.starts_with("is not YAML"), "{problem}");
    assert!(Layer::yaml("shop.yaml", "# nothing\n\n").is_ok());
    assert!(Layer::yaml("shop.yaml", "- a list").is_err());
}

#[test]
fn a_number_is_read_bit_by_bit() {
    for _ in 0..10_000 {
        let ratio = rand::random::<f64>();
        for (yaml, variables) in [
            (format!("http: {{ratio: {ratio}}}"), vec![]),
            (
                String::new(),
                vec![("SHOP__HTTP__RATIO", ratio.to_string())],
            ),
        ] {
            let variables: Vec<(&str, &str)> = variables
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let read = root(&yaml, &variables).unwrap().http.ratio;
            assert_eq!(read.to_bits(), ratio.to_bits(), "{ratio}");
        }
    }
}
