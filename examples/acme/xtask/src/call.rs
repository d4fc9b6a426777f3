//! A gRPC call from the command line. The server's reflection describes the types of the messages.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow, bail};
use platform::client::{self, Address};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic::{
    Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataValue,
    transport::Channel,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

/// The method to call, the server, the request and the caller.
#[derive(clap::Args)]
pub struct Arguments {
    /// The gRPC address of the service, such as 127.0.0.1:9101.
    address: String,
    /// The method, such as users.v1.UsersService/GetUser.
    method: String,
    /// The request as JSON.
    #[arg(default_value = "{}")]
    request: String,
    /// The access token to send.
    #[arg(long, env = "TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Calls the method and prints the response as JSON.
pub fn call(arguments: &Arguments) -> Result<()> {
    let answer = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(unary(arguments))?;
    let mut json = serde_json::Serializer::pretty(std::io::stdout());
    answer.serialize_with_options(&mut json, &SerializeOptions::new())?;
    println!();
    Ok(())
}

async fn unary(arguments: &Arguments) -> Result<DynamicMessage> {
    let address = format!("http://{}", arguments.address).parse::<Address>();
    let channel = client::connect(&address.map_err(|error| anyhow!(error))?);
    let method = Server::new(channel.clone())
        .method(&arguments.method)
        .await
        .with_context(|| format!("{} does not describe the method", arguments.address))?;

    let mut json = serde_json::Deserializer::from_str(&arguments.request);
    let message = DynamicMessage::deserialize(method.input(), &mut json)
        .with_context(|| format!("the request is not a {}", method.input().full_name()))?;
    let mut request = tonic::Request::new(message);
    if let Some(token) = &arguments.token {
        let value = MetadataValue::try_from(format!("Bearer {token}"))?;
        request.metadata_mut().insert("authorization", value);
    }
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let mut client = Grpc::new(channel);
    client.ready().await?;
    let answer = client
        .unary(request, path.try_into()?, Dynamic(method))
        .await;
    answer.map(tonic::Response::into_inner).map_err(told)
}

fn told(status: Status) -> anyhow::Error {
    let code = status.code();
    anyhow!("{code:?} ({}): {}", code as i32, status.message())
}

/// The reflection service of a server (grpc.reflection.v1).
struct Server(ServerReflectionClient<Channel>);

impl Server {
    fn new(channel: Channel) -> Self {
        Self(ServerReflectionClient::new(channel))
    }

    /// Describes a method, given as SERVICE/METHOD.
    async fn method(&mut self, name: &str) -> Result<MethodDescriptor> {
        let (service, method) = name
            .split_once('/')
            .context("a method is written SERVICE/METHOD")?;
        let known = self.services().await?;
        if !known.iter().any(|known| known == service) {
            bail!(
                "there is no service `{service}`; there are {}",
                known.join(", ")
            );
        }
        let service = self.types_of(service).await?.get_service_by_name(service);
        let service = service.context("the server does not describe its service")?;
        let mut methods = service.methods();
        methods
            .find(|known| known.name() == method)
            .with_context(|| {
                let known: Vec<_> = service.methods().map(|m| m.name().to_owned()).collect();
                let (service, known) = (service.name(), known.join(", "));
                format!("{service} has no method `{method}`; it has {known}")
            })
    }

    async fn services(&mut self) -> Result<Vec<String>> {
        let question = MessageRequest::ListServices(String::new());
        match self.ask(question).await? {
            MessageResponse::ListServicesResponse(list) => Ok(list
                .service
                .into_iter()
                .map(|service| service.name)
                .collect()),
            other => bail!("the server sent an unexpected response: {other:?}"),
        }
    }

    /// The file that defines the symbol, and every file that it imports.
    async fn types_of(&mut self, symbol: &str) -> Result<DescriptorPool> {
        let mut files: HashMap<String, FileDescriptorProto> = HashMap::new();
        let mut questions = vec![MessageRequest::FileContainingSymbol(symbol.to_owned())];
        while let Some(question) = questions.pop() {
            if let MessageRequest::FileByFilename(name) = &question
                && files.contains_key(name)
            {
                continue;
            }
            let MessageResponse::FileDescriptorResponse(answer) = self.ask(question).await? else {
                bail!("the server does not describe {symbol}");
            };
            for file in answer.file_descriptor_proto {
                let file: FileDescriptorProto = prost::Message::decode(file.as_slice())?;
                questions.extend(
                    file.dependency
                        .iter()
                        .cloned()
                        .map(MessageRequest::FileByFilename),
                );
                files.insert(file.name().to_owned(), file);
            }
        }
        let file = files.into_values().collect();
        Ok(DescriptorPool::from_file_descriptor_set(
            FileDescriptorSet { file },
        )?)
    }

    async fn ask(&mut self, question: MessageRequest) -> Result<MessageResponse> {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(question),
        };
        let asked = futures_util::stream::iter([request]);
        let mut answers = self
            .0
            .server_reflection_info(asked)
            .await
            .map_err(told)?
            .into_inner();
        let answer = answers.message().await.map_err(told)?;
        answer
            .and_then(|answer| answer.message_response)
            .context("the server closed the reflection stream without a response")
    }
}

/// Encodes requests and decodes responses of one method, whose types are known only at run time.
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
