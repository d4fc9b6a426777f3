//! Wiring.

use platform::{Module, Platform, Service, StartError{% if has_embeds %}, client{% endif %}, database::Migrations{% if has_embeds %}, section{% endif %}};
use {{contract_crate}}::v1;
{%- for client in clients %}
{%- assign client_import = client[2] %}
{%- if client_import != "" %}
use {{client_import}};
{%- endif %}
{%- endfor %}

use crate::{biz::{{UseCases}}, data::{{Resource}}Store, service::{{Resource}}Api};

/// This service, for [`platform::run`].
///
/// A `const` would be compiled into the program and into each test program; a `static` is compiled once, here.
pub static SERVICE: Service = platform::service!(wire);

/// The migrations of this service's tables.
pub const MIGRATIONS: Migrations = platform::migrations!();

{% if has_embeds -%}
section! {
    /// Section `service` of the configuration.
    struct Settings {
{%- for client in clients %}
{%- assign key = client[0] %}{% assign client_service = client[3] %}
        /// Where `{{client_service}}` answers.
        {{key}}: client::Address,
{%- endfor %}
    }
}

{% endif -%}
/// Wires the service from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, StartError> {
{%- if has_embeds %}
    let settings: Settings = platform.settings()?;
{%- endif %}
    let database = platform.database(&MIGRATIONS)?;
    let cache = platform.cache()?;
{%- for client in clients %}
{%- assign key = client[0] %}{% assign client_type = client[1] %}
    let {{key}}_client = {{client_type}}::new(platform.connect(&settings.{{key}})?);
{%- endfor %}
    let {{resources_ident}} = {{UseCases}}::new({{Resource}}Store::new(database, &cache));
    Ok(Module::new().contract(v1::{{proto_service_snake}}({{Resource}}Api::new({{resources_ident}}
{%- for client in clients %}
{%- assign key = client[0] %}
{{- ", "}}{{key}}_client
{%- endfor %}))))
}
