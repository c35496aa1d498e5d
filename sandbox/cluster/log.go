package main

import (
	"github.com/virtual-kubelet/virtual-kubelet/log"
	"k8s.io/klog/v2"
)

// quietLog takes virtual-kubelet's warnings and errors to the common log.
type quietLog struct{}

func (quietLog) Debug(...any)                       {}
func (quietLog) Debugf(string, ...any)              {}
func (quietLog) Info(...any)                        {}
func (quietLog) Infof(string, ...any)               {}
func (quietLog) Warn(a ...any)                      { klog.Warning(a...) }
func (quietLog) Warnf(f string, a ...any)           { klog.Warningf(f, a...) }
func (quietLog) Error(a ...any)                     { klog.Error(a...) }
func (quietLog) Errorf(f string, a ...any)          { klog.Errorf(f, a...) }
func (quietLog) Fatal(a ...any)                     { klog.Error(a...) }
func (quietLog) Fatalf(f string, a ...any)          { klog.Errorf(f, a...) }
func (q quietLog) WithField(string, any) log.Logger { return q }
func (q quietLog) WithFields(log.Fields) log.Logger { return q }
func (q quietLog) WithError(err error) log.Logger   { return withError{q, err} }

// withError keeps the cause, which virtual-kubelet gives apart.
type withError struct {
	quietLog
	err error
}

func (w withError) Warn(a ...any)  { klog.Warning(append(a, ": ", w.err)...) }
func (w withError) Error(a ...any) { klog.Error(append(a, ": ", w.err)...) }
