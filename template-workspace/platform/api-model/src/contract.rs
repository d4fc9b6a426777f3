use proc_macro2::Ident;
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Syntax};

use crate::{
    collisions,
    message::{Message, Types},
    names::{Names, Scope, is_of_runtime},
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
    /// The name of the module with their constructors.
    pub errors: Ident,
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
        let mut rules = Error::default();
        for message in &messages {
            types.add(message, names, &mut rules);
        }
        if source.is_served {
            // Of a vendored message, whoever uses it is told which rules cannot be enforced.
            problems.extend(rules);
        }
        let files: Vec<_> = source.own_files().collect();
        let mut module = collisions::refuse(&files, &mut problems);
        for field in messages.iter().flat_map(MessageDescriptor::fields) {
            refuse_type(&field, names, &mut problems);
        }
        let mut enums: Vec<EnumDescriptor> = Vec::new();
        let mut services = Vec::new();
        let errors = module.free("errors");
        let mut values = Scope::default();
        values.reserve(["DESCRIPTOR_SET"]);
        for file in &files {
            let own = file
                .enums()
                .filter(|values| !is_of_runtime(values.full_name()));
            enums.extend(own);
            for service in file.services().filter(|_| source.is_served) {
                for method in service.methods() {
                    for message in [method.input(), method.output()] {
                        types.add(&message, names, &mut problems);
                        if names.ty(message.full_name()).is_none() {
                            let problem = unmade(names, message.package_name(), method.name());
                            problems.add(file, method.path(), problem);
                        }
                    }
                }
                let service = Service::of(&service, (&mut module, &mut values), &mut problems);
                services.push(service);
            }
        }
        let mut constructors = Scope::default();
        let reasons = enums
            .iter()
            .filter(|_| source.is_served)
            .flat_map(|values| reasons::reasons(values, &mut constructors, &mut problems))
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
            errors,
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

/// Refuses a field whose type no crate makes, or that cannot have it.
fn refuse_type(field: &FieldDescriptor, names: &Names, problems: &mut Error) {
    let kind = match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    };
    let (ty, package) = match &kind {
        Kind::Message(message) => (names.ty(message.full_name()), message.package_name()),
        Kind::Enum(values) => (names.ty(values.full_name()), values.package_name()),
        _ => return,
    };
    let is_closed = |values: &EnumDescriptor| values.parent_file().syntax() == Syntax::Proto2;
    if field.parent_file().syntax() == Syntax::Proto3 && kind.as_enum().is_some_and(is_closed) {
        let problem = format_args!(
            "`{}`: proto3 does not allow a field with an enum of proto2, whose unknown values a message keeps elsewhere",
            field.name()
        );
        problems.add(&field.parent_file(), field.path(), problem);
    } else if ty.is_none() {
        let problem = unmade(names, package, field.name());
        problems.add(&field.parent_file(), field.path(), problem);
    }
}

fn unmade(names: &Names, package: &str, of: &str) -> String {
    match names.problem(package) {
        Some(problem) => format!("nothing makes the types of `{of}`, because {problem}"),
        None => format!(
            "nothing makes the types of `{of}`: add to [dependencies] of Cargo.toml the crate of the contract that it \
             is from (`users-api = {{ path = \"../users\" }}`), or, if it is from third_party/, \
             `api-vendored.workspace = true`"
        ),
    }
}
