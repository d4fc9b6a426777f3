//! Wiring.

use platform::{Module, Platform, Service{% if has_embeds %}, client{% endif %}, database::Migrations};
{%- if has_embeds %}
use serde::Deserialize;
{%- endif %}
use {{contract_crate}}::v1;
{%- for line in client_imports %}
{{line}}
{%- endfor %}

use crate::{biz::{{UseCases}}, data::{{Resource}}Store, service::{{Resource}}Api};

/// This service, as [`platform::run`] takes it.
///
/// A `static` and no `const`, whose code would be compiled into the program and each test program instead of once, here.
pub static SERVICE: Service = platform::service!(wire);

/// The tables of this service.
pub const MIGRATIONS: Migrations = platform::migrations!();

{% if has_embeds -%}
/// Section `service` of the configuration.
#[derive(Deserialize)]
struct Settings {
{%- for client in clients %}
    /// Where `{{client[2]}}` answers.
    {{client[0]}}: client::Address,
{%- endfor %}
}

{% endif -%}
/// Read from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, platform::Error> {
{%- if has_embeds %}
    let settings: Settings = platform.settings()?;
{%- endif %}
    let database = platform.database(&MIGRATIONS)?;
    let cache = platform.cache()?;
{%- for client in clients %}
    let {{client[0]}}_client = {{client[1]}}::new(platform.connect(&settings.{{client[0]}})?);
{%- endfor %}
    let {{resources_ident}} = {{UseCases}}::new({{Resource}}Store::new(database, &cache));
    Ok(Module::new().contract(v1::{{proto_service_snake}}({{Resource}}Api::new({{resources_ident}}{{client_names}}))))
}
