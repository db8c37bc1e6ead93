package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const programName = "kubejobs-runner"

// install copies this program into a folder: how an init container brings it into the pod of any image.
func install(arguments []string) error {
	if len(arguments) != 1 {
		return exitError{exitUsage, "usage: kubejobs-runner install DIR"}
	}
	target := filepath.Join(arguments[0], programName)
	if err := copyProgram(target); err != nil {
		return exitError{1, fmt.Sprintf("can't install %s: %v", target, err)}
	}
	return nil
}

// copyProgram writes beside the target and renames, so that a program that runs is never half of two.
func copyProgram(target string) error {
	source, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer source.Close()
	copied, err := os.CreateTemp(filepath.Dir(target), "."+programName+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(copied.Name())
	_, err = io.Copy(copied, source)
	if err == nil {
		err = copied.Chmod(0o755)
	}
	if closing := copied.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(copied.Name(), target)
	}
	return err
}
