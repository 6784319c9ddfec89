//! Questions before something is lost.

use std::io::{BufRead, IsTerminal, stderr, stdin};

use topwork_sniff::reason;

use crate::failure::{Failure, RUN_FAILED, WRONG_USE, write};

/// Asks on the terminal, whether `what` is to go: what goes has been told before. Without a terminal nobody can be asked, which
/// is a failure.
pub fn agreed(what: &str) -> Result<bool, Failure> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(
            Failure::new(WRONG_USE, "nobody is there to be asked whether to remove")
                .hint("`--yes` removes without asking"),
        );
    }
    write(&format!("remove {what}? [y/N] "));
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).map_err(|error| {
        Failure::new(
            RUN_FAILED,
            format!("cannot read the answer: {}", reason(&error)),
        )
    })?;
    let agreed = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !agreed {
        write("nothing was removed\n");
    }
    Ok(agreed)
}
