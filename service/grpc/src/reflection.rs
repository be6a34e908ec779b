//! Reflection, in the version that current tools ask for (`v1`) and in the one that older ones do (`v1alpha`): which
//! services there are, and their descriptors.
//!
//! The answers are `tonic-reflection`'s. It ends the call at the first question that it cannot answer, where the protocol
//! has an `error_response` on the stream: tools ask for names that may not be there and go on. So each question is put to
//! it in a call of its own, within this process.

use tonic_reflection::pb;
use tonic_reflection::server::{Builder, Error};

/// The largest question, in bytes: a name.
const QUESTION_BYTES_MAX: usize = 64 * 1024;

fn builder() -> Builder<'static> {
    // Each version is told of both, as both are served.
    Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(cairn_api::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(pb::v1alpha::FILE_DESCRIPTOR_SET)
}

/// The service of one version. The messages of the two have the same members, and are types of their own.
macro_rules! version {
    ($version:ident, $build:ident) => {
        pub(crate) mod $version {
            use super::{Error, QUESTION_BYTES_MAX, builder};
            use std::pin::Pin;
            use tokio_stream::{Stream, StreamExt};
            use tonic::{Request, Response, Status, Streaming};
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            use tonic_reflection::pb::$version::server_reflection_server::{
                ServerReflection, ServerReflectionServer,
            };
            use tonic_reflection::pb::$version::{
                ErrorResponse, ServerReflectionRequest as Question, ServerReflectionResponse as Answer,
            };

            /// Answers every question on the stream, also with an error.
            pub(crate) struct Reflection<L: ServerReflection> {
                library: ServerReflectionClient<ServerReflectionServer<L>>,
            }

            /// The service.
            pub(crate) fn service()
            -> Result<ServerReflectionServer<Reflection<impl ServerReflection>>, Error> {
                let library = ServerReflectionClient::new(builder().$build()?)
                    .max_decoding_message_size(usize::MAX);
                let service = ServerReflectionServer::new(Reflection { library });
                Ok(service.max_decoding_message_size(QUESTION_BYTES_MAX))
            }

            #[tonic::async_trait]
            impl<L: ServerReflection> ServerReflection for Reflection<L> {
                type ServerReflectionInfoStream = Pin<Box<dyn Stream<Item = Result<Answer, Status>> + Send>>;

                async fn server_reflection_info(
                    &self,
                    request: Request<Streaming<Question>>,
                ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
                    let library = self.library.clone();
                    let answers = request.into_inner().then(move |question| {
                        let library = library.clone();
                        async move { Ok(answer(library, question?).await) }
                    });
                    Ok(Response::new(Box::pin(answers)))
                }
            }

            async fn answer<L: ServerReflection>(
                mut library: ServerReflectionClient<ServerReflectionServer<L>>,
                question: Question,
            ) -> Answer {
                let asked = async {
                    let answers = library.server_reflection_info(tokio_stream::once(question.clone())).await?;
                    answers.into_inner().message().await
                };
                let error = match asked.await {
                    Ok(Some(answer)) => return answer,
                    Ok(None) => Status::internal("there is no answer"),
                    Err(error) => error,
                };
                let error = ErrorResponse {
                    error_code: error.code().into(),
                    error_message: error.message().to_owned(),
                };
                Answer {
                    valid_host: question.host.clone(),
                    original_request: Some(question),
                    message_response: Some(MessageResponse::ErrorResponse(error)),
                }
            }
        }
    };
}

version!(v1, build_v1);
version!(v1alpha, build_v1alpha);
