"""Files on disk: the folders of jobs, uploaded images, retention and backups."""
