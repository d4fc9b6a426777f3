//! Wiring.

use platform::{Module, Platform, Service, StartError{% if has_embeds %}, client{% endif %}, database::Migrations{% if has_embeds %}, section{% endif %}};
use {{contract_crate}}::v1;
{%- for line in client_imports %}
{{line}}
{%- endfor %}

use crate::{biz::{{UseCases}}, data::{{Resource}}Store, service::{{Resource}}Api};

/// This service, as [`platform::run`] takes it.
pub const SERVICE: Service = platform::service!(wire);

/// The tables of this service.
pub const MIGRATIONS: Migrations = platform::migrations!();

{% if has_embeds -%}
section! {
    /// Section `service` of the configuration.
    struct Settings {
{%- for client in clients %}
        /// Where `{{client[2]}}` answers.
        {{client[0]}}: client::Address,
{%- endfor %}
    }
}

{% endif -%}
/// Read from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, StartError> {
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
