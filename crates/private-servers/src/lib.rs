//! Database servers of a test's own: started on free ports of the loopback, in a temporary folder,
//! and gone with the test.
