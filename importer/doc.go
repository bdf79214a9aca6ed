// Package importer turns what other firewalls are told in SecLang into policies of the route file.
//
// Its sources (files of ModSecurity, the environment of a container, the configuration of nginx,
// Apache, Caddy or Coraza's SPOA) give texts, each with the place it stands in. [Read] makes a [Draft]
// of them: settings and exclusions where a policy has words for what a directive says, rules as they
// are for the rest. A rule is carried with its whole chain or not at all, and so is what depends on it.
// What is not carried becomes a [Note] at the directive's line that says what to do instead.
//
// [Outcome.Settle] has somebody compile what came out, and turns every refusal into such a note, so that nothing
// is printed that the tier refuses.
//
// Package k8s uses it for the annotations of ingress-nginx. The functions keep no state and may be
// called concurrently on different values.
package importer
