//! Nothing but its dependencies: they turn on, for every build of the whole workspace, the features
//! that the tests of its members turn on. So a build and a test compile each crate alike, and the
//! AWS SDK once. The functions are built for release without it: they are the workspace's
//! `default-members`, and nothing depends on this crate.
