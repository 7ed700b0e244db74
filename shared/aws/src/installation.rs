//! Where an installation of Spotkeeper keeps things, by the name of its stack alone: so that a person's tool needs
//! neither CloudFormation nor what it printed.

use aws_config::SdkConfig;
use spotkeeper_core::ports::PortError;

use crate::state::port_error;

/// The parameter with the policy of a stack. The template calls it so.
#[must_use]
pub fn policy_parameter(stack: &str) -> String {
    format!("/{stack}/policy")
}

/// The tables that may be a stack's: CloudFormation calls its table `STACK-Table-` and letters of its own, and
/// keeps it when a stack goes, so that there may be several.
pub(crate) async fn tables(config: &SdkConfig, stack: &str) -> Result<Vec<String>, PortError> {
    let prefix = format!("{stack}-Table-");
    // What comes before in the order of names, so that the page begins with the stack's.
    let before = format!("{stack}-Table");
    let request = aws_sdk_dynamodb::Client::new(config).list_tables().exclusive_start_table_name(before);
    let answer = request.send().await.map_err(|error| port_error("dynamodb:ListTables", "the tables", &error))?;
    let names = answer.table_names.unwrap_or_default();
    Ok(names.into_iter().take_while(|name| name.starts_with(&prefix)).collect())
}
