//! The error of a plugin's function.

use topwork_abi::Status;

/// Why a function of a plugin did not succeed. Word it like this: lowercase, no final period, the offending value, what was
/// expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

/// Whose turn it is to put something right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something failed for a reason that is none of the following.
    Failed,
    /// The component does not work with these parameters or shapes.
    Parameters,
    /// Data is missing, altered or unreadable.
    Data,
    /// The host asked to stop.
    Stopped,
    /// A panic was caught.
    Panicked,
    /// The component does not offer this.
    Unsupported,
    /// The host broke the contract of the ABI.
    Call,
}

impl Error {
    /// Something failed for a reason that none of the other constructors has.
    pub fn failed(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Failed, message)
    }

    /// The component does not work with these parameters or shapes.
    pub fn parameters(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Parameters, message)
    }

    /// Data is missing, altered or unreadable; name the file.
    pub fn data(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Data, message)
    }

    /// The host asked to stop.
    pub fn stopped() -> Self {
        Error::new(ErrorKind::Stopped, "")
    }

    /// The component does not offer this.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Unsupported, message)
    }

    /// Adds what may help.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whose turn it is to put something right.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What may help, apart from the message.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn call(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Call, message)
    }

    pub(crate) fn status(&self) -> Status {
        match self.kind {
            ErrorKind::Failed => Status::FAILED,
            ErrorKind::Parameters => Status::BAD_PARAMETERS,
            ErrorKind::Data => Status::BAD_DATA,
            ErrorKind::Stopped => Status::STOPPED,
            ErrorKind::Panicked => Status::PANICKED,
            ErrorKind::Unsupported => Status::UNSUPPORTED,
            ErrorKind::Call => Status::BAD_CALL,
        }
    }

    /// The text for an error sink: the message on the first line, the hint after it.
    pub(crate) fn text(&self) -> String {
        let message = self.message.replace(['\n', '\r'], " ");
        match &self.hint {
            Some(hint) => format!("{message}\n{hint}"),
            None => message,
        }
    }

    /// The opposite of [`status`](Error::status) and [`text`](Error::text); `Ok` for the status of success.
    pub(crate) fn from_status(status: Status, text: &[u8]) -> Result<(), Error> {
        let kind = match status {
            Status::OK => return Ok(()),
            Status::BAD_PARAMETERS => ErrorKind::Parameters,
            Status::BAD_DATA => ErrorKind::Data,
            Status::STOPPED => ErrorKind::Stopped,
            Status::PANICKED => ErrorKind::Panicked,
            Status::UNSUPPORTED => ErrorKind::Unsupported,
            Status::BAD_CALL => ErrorKind::Call,
            _ => ErrorKind::Failed,
        };
        let text = String::from_utf8_lossy(text);
        let (message, hint) = match text.split_once('\n') {
            Some((message, hint)) => (message, Some(hint.to_owned())),
            None => (&*text, None),
        };
        Err(Error {
            kind,
            message: message.to_owned(),
            hint,
        })
    }
}
