module kubejobs/runner

go 1.26
