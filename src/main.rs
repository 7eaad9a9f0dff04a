//! The `tidegate` binary: a thin shell around the library.

fn main() -> std::process::ExitCode {
    tidegate::app::main()
}
