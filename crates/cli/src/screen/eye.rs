//! Where the screen looks: at the run that it is a part of, or through a control socket at another.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portreeve_engine::control::{Request, Topic, ask};
use portreeve_live::{FlowAsk, FlowDetail, FlowRow, Live, Second, View};
use serde::de::DeserializeOwned;

/// What a screen asks for. An error is a sentence for people.
pub trait Eye {
    /// What there is to show now.
    ///
    /// # Errors
    /// Nobody answers.
    fn view(&self) -> Result<Arc<View>, String>;

    /// The seconds that began at `since` (milliseconds since 1970-01-01 UTC) or later.
    ///
    /// # Errors
    /// Nobody answers.
    fn seconds(&self, since: i64) -> Result<Vec<Second>, String>;

    /// Recent conversations.
    ///
    /// # Errors
    /// The filter is not understood, or nobody answers.
    fn flows(&self, asked: &FlowAsk) -> Result<Vec<FlowRow>, String>;

    /// One conversation.
    ///
    /// # Errors
    /// Nobody answers.
    fn flow(&self, uid: &str) -> Result<Option<FlowDetail>, String>;
}

impl Eye for Live {
    fn view(&self) -> Result<Arc<View>, String> {
        Ok(self.now())
    }

    fn seconds(&self, since: i64) -> Result<Vec<Second>, String> {
        Ok(Live::seconds(self, since))
    }

    fn flows(&self, asked: &FlowAsk) -> Result<Vec<FlowRow>, String> {
        Live::flows(self, asked).map_err(|error| error.to_string())
    }

    fn flow(&self, uid: &str) -> Result<Option<FlowDetail>, String> {
        Ok(Live::flow(self, uid))
    }
}

/// A running instance, behind its control socket.
pub struct Remote {
    path: PathBuf,
}

impl Remote {
    /// The instance that answers at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Remote {
        Remote {
            path: path.to_owned(),
        }
    }

    fn get<T: DeserializeOwned>(&self, topic: Topic) -> Result<T, String> {
        let answer = ask(&self.path, &Request::Get(topic)).map_err(|error| error.to_string())?;
        serde_json::from_value(answer)
            .map_err(|error| format!("the instance is of another version ({error})"))
    }
}

impl Eye for Remote {
    fn view(&self) -> Result<Arc<View>, String> {
        self.get(Topic::View).map(Arc::new)
    }

    fn seconds(&self, since: i64) -> Result<Vec<Second>, String> {
        self.get(Topic::Seconds(since))
    }

    fn flows(&self, asked: &FlowAsk) -> Result<Vec<FlowRow>, String> {
        let asked = serde_json::to_value(asked).map_err(|error| error.to_string())?;
        self.get(Topic::Flows(asked))
    }

    fn flow(&self, uid: &str) -> Result<Option<FlowDetail>, String> {
        self.get(Topic::Flow(uid.to_owned()))
    }
}
