package registry

// madeHere are the images of Docker Hub.
func madeHere() map[string]Shelf {
	shelves := map[string]Shelf{}
	for name, all := range recipes() {
		shelves[name] = makeShelf(all...)
	}
	return shelves
}

func recipes() map[string][]recipe {
	return map[string][]recipe{
		"library/nginx": {
			nginx("1.29.3", "Debian GNU/Linux 13 (trixie)", 1400<<10, debianTags()),
			nginx("1.29.3-alpine", "Alpine Linux v3.22", 400<<10, alpineTags()),
		},
		"library/busybox":     {busybox()},
		"library/hello-world": {hello()},
	}
}

func debianTags() []string {
	return []string{"latest", "mainline", "1", "1.29", "1.29.3", "trixie", "1.29-trixie", "1.29.3-trixie"}
}

func alpineTags() []string {
	return []string{"alpine", "mainline-alpine", "1-alpine", "1.29-alpine", "1.29.3-alpine", "alpine3.22", "1.29.3-alpine3.22"}
}

func platforms() []Platform {
	return []Platform{
		{Architecture: "amd64", OS: "linux"}, {Architecture: "arm", OS: "linux", Variant: "v7"},
		{Architecture: "arm64", OS: "linux", Variant: "v8"}, {Architecture: "s390x", OS: "linux"},
	}
}

// program is a file as large as the real one might be.
func program(name, version string, p Platform, size int) file {
	return file{name: name, mode: 0o755, text: name + version + p.Architecture, fill: size}
}

func note(what string) file {
	return file{name: "usr/share/doc/signgate-sandbox/README", mode: 0o644, text: what + "\n" + madeLabel + "\n"}
}

const sandboxPage = `<!DOCTYPE html>
<html>
<head><title>signgate sandbox</title></head>
<body><h1>This is not nginx</h1><p>The sandbox made an image of its shape.</p></body>
</html>
`

func nginx(version, system string, base int, tags []string) recipe {
	return recipe{
		name: "nginx " + version, tags: tags, platforms: platforms(),
		layers: func(p Platform) []layer {
			return []layer{
				{"/bin/sh -c #(nop) ADD rootfs in /", []file{
					{name: "etc/os-release", mode: 0o644, text: "PRETTY_NAME=\"" + system + ", as the signgate sandbox makes it\"\nID=signgate-sandbox\n"},
					program("usr/lib/libc.so.6", version+system, p, base), note("The base of " + system + "."),
				}},
				{"RUN /bin/sh -c install nginx " + version, []file{
					program("usr/sbin/nginx", version, p, 900<<10),
					{name: "etc/nginx/nginx.conf", mode: 0o644, text: "user nginx;\nworker_processes auto;\nevents { worker_connections 1024; }\nhttp { include conf.d/*.conf; }\n"},
					{name: "etc/nginx/conf.d/default.conf", mode: 0o644, text: "server {\n  listen 80;\n  root /usr/share/nginx/html;\n}\n"},
					{name: "usr/share/nginx/html/index.html", mode: 0o644, text: sandboxPage},
				}},
				{"COPY docker-entrypoint.sh / # buildkit", []file{{name: "docker-entrypoint.sh", mode: 0o755, text: "#!/bin/sh\nset -e\nexec \"$@\"\n"}}},
				{"COPY 10-listen-on-ipv6-by-default.sh /docker-entrypoint.d # buildkit", []file{
					{name: "docker-entrypoint.d/10-listen-on-ipv6-by-default.sh", mode: 0o755, text: "#!/bin/sh\nexit 0\n"}}},
			}
		},
		config: map[string]any{
			"Env":        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NGINX_VERSION=1.29.3"},
			"Entrypoint": []string{"/docker-entrypoint.sh"}, "Cmd": []string{"nginx", "-g", "daemon off;"},
			"ExposedPorts": map[string]any{"80/tcp": struct{}{}}, "StopSignal": "SIGQUIT", "WorkingDir": "/",
		},
	}
}

func busybox() recipe {
	return recipe{
		name: "busybox",
		tags: []string{"latest", "1", "1.37", "1.37.0", "stable", "glibc", "stable-glibc"}, platforms: platforms(),
		layers: func(p Platform) []layer {
			return []layer{{"BusyBox 1.37.0 (glibc), signgate sandbox", []file{program("bin/busybox", "1.37.0", p, 700<<10), note("busybox")}}}
		},
		config: map[string]any{"Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "Cmd": []string{"sh"}, "WorkingDir": "/"},
	}
}

func hello() recipe {
	return recipe{
		name: "hello-world",
		tags: []string{"latest", "linux"}, platforms: platforms(),
		layers: func(p Platform) []layer {
			return []layer{{"COPY hello / # buildkit", []file{program("hello", "1", p, 10<<10), note("hello-world")}}}
		},
		config: map[string]any{"Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "Cmd": []string{"/hello"}, "WorkingDir": "/"},
	}
}
