//go:build !ipc_portable

package shm

const sysMemfdCreate = 279
