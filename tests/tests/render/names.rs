//! Names that are accepted, and all names derived from them.

use super::support::{Workspace, for_each};

/// The name; then the folder, contract crate, resource, table and REST path.
const NAMES: &[(&str, [&str; 5])] = &[
    (
        "consultants",
        [
            "consultants",
            "consultants-api",
            "Consultant",
            "consultants",
            "consultants",
        ],
    ),
    (
        "user-profile",
        [
            "user-profile",
            "user-profile-api",
            "UserProfile",
            "user_profiles",
            "user-profiles",
        ],
    ),
    (
        "finance/invoices",
        [
            "finance-invoices",
            "finance-api",
            "Invoice",
            "invoices",
            "finance/invoices",
        ],
    ),
    ("a", ["a", "a-api", "A", "a", "a"]),
    ("order", ["order", "order-api", "Order", "orders", "orders"]),
    (
        "people",
        ["people", "people-api", "Person", "people", "people"],
    ),
    (
        "addresses",
        [
            "addresses",
            "addresses-api",
            "Address",
            "addresses",
            "addresses",
        ],
    ),
    (
        "address",
        [
            "address",
            "address-api",
            "Address",
            "addresses",
            "addresses",
        ],
    ),
    ("data", ["data", "data-api", "Data", "data", "data"]),
    (
        "select",
        ["select", "select-api", "Select", "selects", "selects"],
    ),
    ("group", ["group", "group-api", "Group", "groups", "groups"]),
    (
        "categories",
        [
            "categories",
            "categories-api",
            "Category",
            "categories",
            "categories",
        ],
    ),
    (
        "order-statuses",
        [
            "order-statuses",
            "order-statuses-api",
            "OrderStatus",
            "order_statuses",
            "order-statuses",
        ],
    ),
    (
        "boxes2",
        ["boxes2", "boxes2-api", "Boxes2", "boxes2s", "boxes2s"],
    ),
    (
        "user-2fa",
        [
            "user-2fa",
            "user-2fa-api",
            "User2fa",
            "user_2fas",
            "user-2fas",
        ],
    ),
    (
        "knives",
        ["knives", "knives-api", "Knife", "knives", "knives"],
    ),
    (
        "houses",
        ["houses", "houses-api", "House", "houses", "houses"],
    ),
    ("toys", ["toys", "toys-api", "Toy", "toys", "toys"]),
    (
        "matches",
        ["matches", "matches-api", "Match", "matches", "matches"],
    ),
    ("types", ["types", "types-api", "Type", "types", "types"]),
];

#[test]
fn every_name_follows_from_one() {
    for_each(
        NAMES,
        |(name, [folder, contract, resource, table, path])| {
            let workspace = Workspace::new();
            workspace
                .service(name, &[])
                .unwrap_or_else(|error| panic!("{name}: {error}"));

            let manifest = workspace.read(&format!("services/{folder}/Cargo.toml"));
            assert!(
                manifest.contains(&format!("name = \"{folder}\"\n")),
                "{manifest}"
            );
            assert!(
                manifest.contains(&format!("{contract} = {{ path")),
                "{manifest}"
            );
            let sql = workspace.read(&format!(
                "services/{folder}/migrations/sqlite/0001_create_{table}/up.sql"
            ));
            assert!(
                sql.replace('"', "")
                    .starts_with(&format!("CREATE TABLE IF NOT EXISTS {table} (")),
                "{sql}"
            );
            let short = name.rsplit('/').next().unwrap().replace('-', "_");
            let api = contract.strip_suffix("-api").unwrap().replace('-', "_");
            let proto = workspace.read(&format!("api/{api}/v1/{short}.proto"));
            assert!(proto.contains(&format!("package {api}.v1;\n")), "{proto}");
            assert!(
                proto.contains(&format!("\nmessage {resource} {{\n")),
                "{proto}"
            );
            assert!(
                proto.contains(&format!("post: \"/v1/{path}\"\n")),
                "{proto}"
            );
        },
    );
}

#[test]
fn a_name_has_up_to_sixty_letters() {
    let workspace = Workspace::new();
    workspace.service(&"n".repeat(60), &[]).unwrap();
    workspace.refuses("more than 60 letters", || {
        workspace.service(&"n".repeat(61), &[])
    });
}

#[test]
fn the_resource_can_be_chosen() {
    let workspace = Workspace::new();
    workspace.service("billing", &["resource=invoice"]).unwrap();
    let proto = workspace.read("api/billing/v1/billing.proto");
    assert!(proto.contains("service BillingService {\n"), "{proto}");
    assert!(proto.contains("\nmessage Invoice {\n"), "{proto}");
    assert!(proto.contains("post: \"/v1/invoices\"\n"), "{proto}");
}

#[test]
fn a_namespace_is_one_crate_for_several_services() {
    let workspace = Workspace::new();
    workspace.service("finance/invoices", &[]).unwrap();
    let crate_files = [
        ".platform/namespaces/finance.rhai",
        "api/finance/Cargo.toml",
        "api/finance/src/lib.rs",
    ];
    let before = crate_files.map(|file| workspace.read(file));

    workspace.service("finance/payments", &[]).unwrap();
    assert_eq!(crate_files.map(|file| workspace.read(file)), before);
    assert!(workspace.has("api/finance/v1/invoices.proto"));
    assert!(workspace.has("api/finance/v1/payments.proto"));
    assert!(workspace.has("services/finance-payments/Cargo.toml"));
}
