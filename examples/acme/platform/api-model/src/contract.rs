use prost_reflect::EnumDescriptor;

use crate::{
    message::{Message, Types},
    names::Names,
    problem::Error,
    reasons::{self, Reason},
    service::Service,
    source::Source,
};

/// One version of a contract.
pub struct Contract {
    /// `users.v1`
    pub package: String,
    /// `v1`
    pub version: String,
    /// In the order of the contract.
    pub services: Vec<Service>,
    /// The error reasons.
    pub reasons: Vec<Reason>,
    /// The messages and enums that it defines or uses.
    pub types: Types,
    /// Full names of its own messages, in the order of the contract.
    own_messages: Vec<String>,
    /// Full names of its own enums.
    pub own_enums: Vec<String>,
}

impl Contract {
    /// Reads a contract.
    ///
    /// # Errors
    /// Every problem of the contract.
    pub fn read(source: &Source, names: &Names) -> Result<Self, Error> {
        let mut problems = Error::default();
        let mut types = Types::default();
        let messages = source.messages();
        for message in &messages {
            types.add(message, names, &mut problems);
        }
        let mut enums: Vec<EnumDescriptor> = Vec::new();
        let mut services = Vec::new();
        for file in source.own_files() {
            enums.extend(file.enums());
            for service in file.services() {
                for method in service.methods() {
                    types.add(&method.input(), names, &mut problems);
                    types.add(&method.output(), names, &mut problems);
                    if [method.input(), method.output()]
                        .iter()
                        .any(|message| names.ty(message.full_name()).is_none())
                    {
                        problems.add(
                            &method.parent_file(),
                            method.path(),
                            format_args!("nothing makes the types of {}", method.name()),
                        );
                    }
                }
                services.push(Service::of(&service, &mut problems));
            }
        }
        let reasons = enums
            .iter()
            .flat_map(|values| reasons::reasons(values, &mut problems))
            .collect();
        for message in &messages {
            enums.extend(message.child_enums());
        }
        for values in &enums {
            types.add_enum(values, names);
        }
        problems.into_result()?;
        Ok(Self {
            package: source.package.clone(),
            version: source.version.clone(),
            services,
            reasons,
            types,
            own_messages: messages
                .iter()
                .map(|message| message.full_name().to_owned())
                .collect(),
            own_enums: enums
                .iter()
                .map(|values| values.full_name().to_owned())
                .collect(),
        })
    }

    /// The contract's own messages, in its order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.own_messages
            .iter()
            .map(|name| &self.types.messages[name])
    }
}
