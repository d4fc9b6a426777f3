//! The declaration of a section.

/// The default of a key that may be left out.
pub const NONE: () = ();

/// The default of a list.
pub const EMPTY: [&str; 0] = [];

/// Declares a section of the configuration: a struct whose fields are its keys.
///
/// The comment of a field documents its key. A field without a default must be given; a default is written as in the
/// configuration file. Marks follow `=>`: `secret()` hides the value in all output, `within(least, most)` sets its
/// bounds. `{service}` in a default is the name of the service. A field whose type is a section is a nested section.
///
/// ```
/// use std::time::Duration;
///
/// platform_base::section! {
///     /// How mail is sent.
///     pub struct Mail {
///         /// The server, such as `smtp.example.com:587`.
///         server: String,
///         /// How long sending one may take.
///         timeout: Duration = "10s" => within("1ms", "5m"),
///         /// The password of the account.
///         password: Option<secrecy::SecretString> = platform_base::config::NONE => secret(),
///     }
/// }
/// ```
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $about:expr])*
        $visibility:vis struct $name:ident {
            $(
                $(#[doc = $doc:expr])*
                $field:ident : $type:ty $(= $default:expr)? $(=> $($mark:ident ( $($argument:expr),* )).+)?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        $visibility struct $name {
            $(
                $(#[doc = $doc])*
                pub $field: $type,
            )*
        }

        impl $crate::config::Section for $name {
            fn read(reader: &mut $crate::config::Reader<'_>) -> ::std::option::Option<Self> {
                $(
                    let key = $crate::config::Key::new(
                        ::std::stringify!($field),
                        &[$($doc),*],
                    )$(.default($default))?$($(.$mark($($argument),*))+)?;
                    let $field = <$type as $crate::config::Read>::read(reader, key);
                )*
                ::std::option::Option::Some(Self { $($field: $field?),* })
            }
        }

        impl $crate::config::Read for $name {
            fn read(
                reader: &mut $crate::config::Reader<'_>,
                key: $crate::config::Key,
            ) -> ::std::option::Option<Self> {
                reader.section(key)
            }
        }
    };
}
