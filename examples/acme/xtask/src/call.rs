//! A gRPC call from the command line, with the types of the workspace's own contracts.

use anyhow::{Context, Result, bail};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};
use tonic::{
    Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataValue,
    transport::Endpoint,
};

/// What to call, where, and as whom.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the service listens for gRPC, say 127.0.0.1:9101.
    address: String,
    /// The method, say users.v1.UsersService/GetUser.
    method: String,
    /// The request as JSON.
    #[arg(default_value = "{}")]
    request: String,
    /// The access token to send.
    #[arg(long, env = "TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Calls the method and prints the answer.
pub fn call(arguments: &Arguments) -> Result<()> {
    let method = find(&arguments.method)?;
    let mut json = serde_json::Deserializer::from_str(&arguments.request);
    let message = DynamicMessage::deserialize(method.input(), &mut json)
        .with_context(|| format!("the request is not a {}", method.input().full_name()))?;
    let answer = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(unary(arguments, &method, message))?;
    let mut json = serde_json::Serializer::pretty(std::io::stdout());
    answer.serialize_with_options(&mut json, &SerializeOptions::new())?;
    println!();
    Ok(())
}

fn find(name: &str) -> Result<MethodDescriptor> {
    let pool: DescriptorPool = super::api::descriptors()?;
    let (service, method) = name.split_once('/').context("a method is SERVICE/METHOD")?;
    let Some(service) = pool.get_service_by_name(service) else {
        let known: Vec<_> = pool.services().map(|s| s.full_name().to_owned()).collect();
        bail!(
            "there is no service `{service}`; there are {}",
            known.join(", ")
        );
    };
    let found = service
        .methods()
        .find(|candidate| candidate.name() == method);
    found.with_context(|| {
        let known: Vec<_> = service.methods().map(|m| m.name().to_owned()).collect();
        format!(
            "{} has no method `{method}`; it has {}",
            service.name(),
            known.join(", ")
        )
    })
}

async fn unary(
    arguments: &Arguments,
    method: &MethodDescriptor,
    message: DynamicMessage,
) -> Result<DynamicMessage> {
    let address = &arguments.address;
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await
        .with_context(|| format!("nothing answers at {address}"))?;
    let mut request = tonic::Request::new(message);
    if let Some(token) = &arguments.token {
        let value = MetadataValue::try_from(format!("Bearer {token}"))?;
        request.metadata_mut().insert("authorization", value);
    }
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let mut client = Grpc::new(channel);
    client.ready().await?;
    let answer = client
        .unary(request, path.try_into()?, Dynamic(method.clone()))
        .await;
    answer.map(tonic::Response::into_inner).map_err(|status| {
        anyhow::anyhow!(
            "{:?} ({}): {}",
            status.code(),
            status.code() as i32,
            status.message()
        )
    })
}

/// Encodes and decodes the messages of one method, known only at run time.
struct Dynamic(MethodDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Dynamic;
    type Decoder = Dynamic;

    fn encoder(&mut self) -> Dynamic {
        Dynamic(self.0.clone())
    }

    fn decoder(&mut self) -> Dynamic {
        Dynamic(self.0.clone())
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(
        &mut self,
        message: DynamicMessage,
        buffer: &mut EncodeBuf<'_>,
    ) -> Result<(), Status> {
        prost::Message::encode(&message, buffer)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        DynamicMessage::decode(self.0.output(), buffer)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
