//! The installation that a command is about.

use clap::Args;
use spotkeeper_aws::installation::policy_parameter;
use spotkeeper_aws::orchestrator::StepFunctions;
use spotkeeper_aws::state::DynamoState;

use crate::account::{Account, AwsOptions, denied};
use crate::exit::NoAccount;

/// Which installation of Spotkeeper.
#[derive(Debug, Clone, Args)]
pub(crate) struct StackOptions {
    #[command(flatten)]
    pub(crate) aws: AwsOptions,
    /// The stack of Spotkeeper.
    #[arg(long, value_name = "STACK", default_value = "spotkeeper", help_heading = "Account")]
    pub(crate) stack: String,
    /// Its table, where the stack has left several behind.
    #[arg(long, value_name = "TABLE", help_heading = "Account")]
    pub(crate) table: Option<String>,
}

/// An installation, found.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) account: Account,
    pub(crate) name: String,
    pub(crate) state: DynamoState,
    pub(crate) machine: StepFunctions,
}

impl Stack {
    /// Settles who calls and where, that it is the account that is expected, and finds the installation.
    pub(crate) async fn open(options: &StackOptions) -> anyhow::Result<Stack> {
        let account = Account::open(&options.aws).await?;
        let name = options.stack.clone();
        let table = match &options.table {
            Some(table) => table.clone(),
            None => find(&account, &name).await?,
        };
        let state = account.session.state(&table, &policy_parameter(&name));
        let machine = account.session.orchestrator(&name);
        Ok(Stack { account, name, state, machine })
    }

    /// Who changes something, as the table keeps it.
    pub(crate) fn who(&self) -> String {
        self.account.session.caller.clone()
    }
}

async fn find(account: &Account, stack: &str) -> anyhow::Result<String> {
    let mut tables = account.session.tables(stack).await.map_err(denied)?;
    let text = match tables.len() {
        1 => return Ok(tables.swap_remove(0)),
        0 => format!(
            "there is no stack {stack} in {}: no table is called {stack}-Table-...; deploy it, or name it by --stack",
            account.place()
        ),
        _ => format!("the stack {stack} may have any of these tables: {}; name it by --table", tables.join(", ")),
    };
    Err(NoAccount(text).into())
}
