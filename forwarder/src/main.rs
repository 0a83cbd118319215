//! The program `logtap-forwarder`; the library draws it.

use std::process::ExitCode;

fn main() -> ExitCode {
    logtap_forwarder::main()
}
