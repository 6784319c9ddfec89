//! The vector instructions that kernels run with: the widest that the processor has, or narrower ones where `TOPWORK_CPU` says so, to
//! see what another processor would do. Results are the same bits. Products of matrices choose for themselves, in their own crate.

use std::{env, sync::OnceLock};

use pulp::Arch;

use crate::error::EngineError;

/// What may ask for narrower instructions.
const VARIABLE: &str = "TOPWORK_CPU";

/// What kernels are dispatched to.
pub(crate) fn arch() -> Arch {
    static CHOSEN: OnceLock<Arch> = OnceLock::new();
    *CHOSEN.get_or_init(|| wanted().unwrap_or_else(|_| Arch::new()))
}

/// What the environment asks for, else the widest there is.
///
/// # Errors
/// Where it asks for what the processor has not, or nobody knows.
pub(crate) fn wanted() -> Result<Arch, EngineError> {
    match env::var(VARIABLE) {
        Err(_) => Ok(Arch::new()),
        Ok(name) => named(&name).ok_or(EngineError::Processor {
            variable: VARIABLE,
            name,
        }),
    }
}

fn named(name: &str) -> Option<Arch> {
    match name {
        "" => Some(Arch::new()),
        "scalar" => Some(Arch::Scalar),
        #[cfg(target_arch = "x86_64")]
        "avx2" => pulp::x86::V3::try_new().map(Arch::V3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrower_instructions_can_be_asked_for() {
        assert!(matches!(named("scalar"), Some(Arch::Scalar)));
        assert!(named("").is_some());
        assert!(named("avx3").is_none());
        #[cfg(target_arch = "x86_64")]
        assert_eq!(
            named("avx2").is_some(),
            is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
        );
    }
}
