// Package login counts failed logins: for each address, for each account at an address, and for each account from
// everywhere, so that neither many accounts from one address nor one account from many can be tried for long.
//
// Nobody gets locked out by what others do. An account is limited at the address first; from everywhere only at a
// higher number, and never at an address that has logged in to it before. An attempt is charged when it begins and
// given back unless it fails, so that attempts at once count, too. A login that succeeds forgets what failed at
// its address for its account.
//
// Names of accounts are folded, so that no two spellings that an application may take for one account are counted
// apart, and hashed with a key before anything is kept. What is kept is bounded; what owes least is forgotten first.
// A [Guard] may be used concurrently, an [Attempt] belongs to one request.
package login
