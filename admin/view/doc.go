// Package view has the answers of the admin API below /api/v1 as types: what pods answer, and what the page, the commands
// and other pods read. It knows nothing of how the answers come about.
//
// Fields may be added in any release. Readers ignore those that they do not know.
package view
