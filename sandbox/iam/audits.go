package iam

import (
	"slices"

	"cloud.google.com/go/iam/apiv1/iampb"
)

// audit says which calls of a service are to be logged. It is kept with a policy and
// grants nothing; there are no audit logs in the sandbox.
type audit struct {
	Service string     `json:"service"` // or "allServices"
	Logs    []auditLog `json:"logs,omitempty"`
}

type auditLog struct {
	Type     int32    `json:"type"`
	Exempted []string `json:"exempted,omitempty"` // members
}

func (a audit) proto() *iampb.AuditConfig {
	out := &iampb.AuditConfig{Service: a.Service}
	for _, l := range a.Logs {
		out.AuditLogConfigs = append(out.AuditLogConfigs, &iampb.AuditLogConfig{LogType: iampb.AuditLogConfig_LogType(l.Type), ExemptedMembers: slices.Clone(l.Exempted)})
	}
	return out
}

// audits checks those of a policy that a client sends; the caller holds the lock.
func (k *IAM) audits(resource string, old *policy, p *iampb.Policy) ([]audit, error) {
	var all []audit
	for _, c := range p.GetAuditConfigs() {
		if c.GetService() == "" {
			return nil, invalid("An audit configuration must name a service.")
		}
		a := audit{Service: c.GetService()}
		for _, l := range c.GetAuditLogConfigs() {
			if _, ok := iampb.AuditLogConfig_LogType_name[int32(l.GetLogType())]; !ok || l.GetLogType() == iampb.AuditLogConfig_LOG_TYPE_UNSPECIFIED {
				return nil, invalid("Invalid log type in the audit configuration of %s: %s.", c.GetService(), l.GetLogType())
			}
			kept := auditLog{Type: int32(l.GetLogType())}
			for _, m := range l.GetExemptedMembers() {
				m, err := k.member(resource, m, old)
				if err != nil {
					return nil, err
				}
				kept.Exempted = append(kept.Exempted, m)
			}
			a.Logs = append(a.Logs, kept)
		}
		all = append(all, a)
	}
	return all, nil
}
