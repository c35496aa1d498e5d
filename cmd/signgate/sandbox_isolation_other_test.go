//go:build !linux

package main

func googleCloud() {}
