//! What a fitted classifier says that it does, as layers.

use super::{Classifier, LARGEST_STATE, ability};
use crate::call::collect;
use crate::{Ending, HostError};
use topwork_abi as abi;
use topwork_scoring::ScoringLayers;

impl Classifier {
    /// What `predict` of the present fit, to so many features and classes, does as layers; `None` where the plugin does not say.
    ///
    /// # Errors
    ///
    /// Whatever the plugin fails with; layers that are none, or do not lead from the features to the classes.
    pub fn layers(
        &self,
        features: usize,
        classes: usize,
    ) -> Result<Option<ScoringLayers>, HostError> {
        let call = "saying what it does as layers";
        // SAFETY: the id gives its table the type named.
        let table = unsafe {
            ability::<abi::ClassifierLayersTable>(&self.instance, abi::CLASSIFIER_LAYERS, call)
        }?;
        let Some(say) = table.and_then(|table| table.layers) else {
            return Ok(None);
        };
        let (result, written) = collect(LARGEST_STATE, |layers| {
            // SAFETY: instance and sinks live during the call.
            self.instance.call(call, |instance, error| unsafe {
                say(instance, layers, error)
            })
        });
        match result {
            Ok(()) => {}
            Err(HostError::Call {
                ending: Ending::Unsupported,
                ..
            }) => return Ok(None),
            Err(error) => return Err(error),
        }
        if written.overflowed {
            let problem = format!("more than {LARGEST_STATE} bytes of layers");
            return Err(self.instance.broken(call, problem));
        }
        let layers = ScoringLayers::read(&written.bytes, features, classes);
        (layers.map(Some))
            .map_err(|problem| self.instance.broken(call, format!("the layers {problem}")))
    }
}
