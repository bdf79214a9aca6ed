// Package api answers below /api/v1 of the admin listener what the tier knows of itself: recent events, traffic, and the
// state of routes, policies, certificates and configurations. docs/admin-api.md describes it, package view has its types.
//
// It never stands in the path of a request, and changes nothing. Who may ask is the listener's business. With scope=tier it
// asks the other pods, each within a deadline, and names those that have not answered.
package api
