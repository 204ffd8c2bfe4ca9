/* The start of the program in one file.

   The file is this program, the archive of the program in a folder (a .tar.gz), and a `struct end`. The first start
   unpacks the archive, once for each build of it, to <root>/ltmc-<digest>; every start then becomes the program there.
   No process and no file is left behind: exec keeps the number of the process, its standard streams and its signals.

   Where the roots are, whom they must belong to, and how folders in them are locked is told in
   ltmc/distribution/unpacking.py, which does the same for ltmc.pyz, and which removes what both unpacked. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <sys/auxv.h>
#endif

#define STAGING ".tmp"
#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
#define TRIES 10  /* what was unpacked may be removed before it is locked */
#define LINKS 256 /* parts of a path that are looked at: links may form a circle */

extern char **environ;

/* What the build writes last (freeze/onefile.py); numbers are little-endian. */
struct end {
    uint64_t offset, size;  /* of the archive, in bytes */
    uint64_t files, bytes;  /* that are in it: how many, and of what size together */
    char digest[16];        /* names the folder */
    char magic[16];
};
static const char MAGIC[17] = "ltmc-in-one-file";

/* unpack.zig: unpack the archive at an offset of a file into a folder; NULL, or what went wrong. */
#define DAMAGED "ItIsDamaged"
const char *unpack(int file, uint64_t offset, uint64_t size, const char digest[16], int folder);

static uint64_t files, bytes; /* counted by `count` */

static int count(const char *path, const struct stat *about, int type, struct FTW *where) {
    (void)path, (void)where;
    if (type == FTW_F) files++, bytes += (uint64_t)about->st_size;
    return 0;
}

static int delete(const char *path, const struct stat *about, int type, struct FTW *where) {
    (void)about, (void)type, (void)where;
    remove(path);
    return 0;
}

static void delete_tree(const char *path) { nftw(path, delete, 16, FTW_DEPTH | FTW_PHYS); }

static _Noreturn void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("ltmc: ", stderr);
    vfprintf(stderr, format, values);
    va_end(values);
    exit(1);
}

static char *text(const char *format, ...) {
    char *made;
    va_list values;
    va_start(values, format);
    if (vasprintf(&made, format, values) < 0) abort();
    va_end(values);
    return made;
}

/* As Python's os.path.expanduser: a path that names no home that is known stays as it is. */
static const char *expanded(const char *path) {
    if (*path != '~') return path;
    const char *rest = path + strcspn(path, "/"), *home = rest == path + 1 ? getenv("HOME") : NULL;
    if (!home) {
        struct passwd *user = rest == path + 1 ? getpwuid(getuid()) : getpwnam(strndup(path + 1, rest - path - 1));
        if (!user) return path;
        home = user->pw_dir;
    }
    return text("%.*s%s", (int)(strlen(home) - (*home && home[strlen(home) - 1] == '/')), home, rest);
}

/* Return the i-th folder that may hold unpacked versions, the preferred one first; NULL after the last. */
static const char *root(int i) {
    const char *named = getenv("LTMC_ROOT"), *cache = getenv("XDG_CACHE_HOME"), *temporary = getenv("TMPDIR");
    char here[PATH_MAX];
    if (named && *named) {
        if (i) return NULL;
        if (*(named = expanded(named)) == '/') return named;
        return getcwd(here, sizeof here) ? text("%s/%s", here, named) : NULL;
    }
    if (i == 0) return cache && *cache == '/' ? text("%s/ltmc", cache) : expanded("~/.cache/ltmc");
    if (i == 1) return text("%s/ltmc-%u", temporary && *temporary ? temporary : "/tmp", (unsigned)geteuid());
    return NULL;
}

static int is_ours(uid_t owner) { return owner == 0 || owner == geteuid(); }
static int may_own(uid_t owner, uid_t top) { return is_ours(owner) || owner == top; }

/* Go down to `path` and see that nobody but this user and root can change it or what is put into it; the folder, or
   -1 with why not. Folders above may be those of everyone in which only owners rename. With `make`, make what is
   missing, for this user alone. */
static int enter(const char *path, int make, const char **why) {
    struct stat about;
    char target[PATH_MAX], *ahead = text("%s", path);
    int folder = open(*path == '/' ? "/" : "", FOLDER | O_CLOEXEC);
    *why = NULL;
    if (folder < 0 || fstat(folder, &about)) return *why = strerror(errno), -1;
    uid_t top = about.st_uid; /* in a user namespace root is nobody */
    for (int looked = 0;; looked++) {
        if (looked == LINKS && (errno = ELOOP)) break;
        char *name = ahead + strspn(ahead, "/"), *rest = name + strcspn(name, "/");
        if (*rest) *rest++ = 0, rest += strspn(rest, "/");
        int last = !*rest, inner;
        if (make && *name) mkdirat(folder, name, 0700);
        if (fstatat(folder, *name ? name : ".", &about, AT_SYMLINK_NOFOLLOW)) break;
        if (S_ISLNK(about.st_mode) && may_own(about.st_uid, top) && !last) {
            ssize_t size = readlinkat(folder, name, target, sizeof target - 1);
            if (size < 0) break;
            target[size] = 0;
            ahead = text("%s/%s", target, rest);
            if (*target != '/') continue;
            if ((inner = open("/", FOLDER | O_CLOEXEC)) < 0 || fstat(inner, &about)) break;
            last = 0;
        } else {
            if ((inner = openat(folder, *name ? name : ".", FOLDER | O_CLOEXEC)) < 0 || fstat(inner, &about)) break;
            ahead = rest;
        }
        close(folder);
        folder = inner;
        int shared = about.st_mode & (S_IWGRP | S_IWOTH);
        if (last && !shared && is_ours(about.st_uid)) return folder;
        if (last) *why = "others can change what is in it";
        else if (!may_own(about.st_uid, top) || (shared && !(about.st_mode & S_ISVTX)))
            *why = text("others can change %s, above it", name);
        if (*why) break;
    }
    if (!*why) *why = strerror(errno);
    close(folder);
    return -1;
}

/* Take the lock of a root, under which folders come and go in it; it goes with the process. */
static int lock(int folder) {
    int file = openat(folder, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0 && flock(file, LOCK_EX)) { /* a file system without locks */ }
    return file;
}

/* Become the program in a folder of `root`, which stays locked against removal meanwhile. Returns why not: NULL where it
   is not there, or was removed since files of it were missing. */
static const char *become(const char *root, const struct end *end, const char *self, char **arguments) {
    const char *why;
    char *name = text("ltmc-%.16s", end->digest), *path = text("%s/%s", root, name);
    struct stat held, present;
    int above = enter(root, 0, &why), opened;
    if (above < 0) return why;
    if ((opened = openat(above, name, FOLDER | O_CLOEXEC)) < 0) {
        why = errno == ENOENT ? NULL : strerror(errno);
        close(above);
        return why;
    }
    int folder = fcntl(opened, F_DUPFD, 3); /* which stays open in the program, and is none of its standard streams */
    close(opened);
    if (flock(folder, LOCK_SH)) { /* a file system without locks */ }
    if (futimens(folder, NULL)) { /* it is root's */ }
    if (fstat(folder, &held)) held.st_mode = S_IWOTH;
    if (fstatat(above, name, &present, AT_SYMLINK_NOFOLLOW) || held.st_ino != present.st_ino) {
        why = NULL; /* it was removed between open and lock */
    } else if (!is_ours(held.st_uid) || held.st_mode & (S_IWGRP | S_IWOTH)) {
        why = text("others can change %s in it", name);
    } else if (files = bytes = 0, nftw(path, count, 16, FTW_PHYS), files < end->files || bytes < end->bytes) {
        int locked = lock(above);
        char *gone = text("%s.%d" STAGING, path, (int)getpid());
        if (!fstatat(above, name, &present, AT_SYMLINK_NOFOLLOW) && held.st_ino == present.st_ino &&
            !rename(path, gone)) { /* else another process was faster */
            fprintf(stderr, "ltmc: some of what was unpacked in %s is missing; unpacking it anew.\n", path);
            delete_tree(gone);
        }
        close(locked);
        why = NULL;
    } else {
        char *program = text("%s/ltmc", path);
        setenv("LTMC_ONE_FILE", self, 1);
        if (access("/proc/self/exe", F_OK)) arguments[0] = program; /* by which it finds itself then */
        execve(program, arguments, environ);
        why = strerror(errno);
        if (errno == ENOENT)
            fail("the program needs glibc, and this host has another C library (such as musl, on Alpine).\n");
    }
    close(folder), close(above);
    return why;
}

/* Fill a folder of `root`, which appears under its name only when it is whole; NULL, or why it could not. */
static const char *fill(const char *root, const struct end *end, int self) {
    const char *why = NULL;
    mode_t former = umask(077);
    int above = enter(root, 1, &why), locked = -1, folder = -1;
    if (above >= 0 && (locked = lock(above)) < 0) why = strerror(errno);
    if (!why) {
        char *path = text("%s/ltmc-%.16s", root, end->digest), *staging = text("%s" STAGING, path);
        delete_tree(staging); /* of a process that ended: a living one has the lock */
        if (access(path, F_OK)) {
            if (mkdir(staging, 0700) || (folder = open(staging, FOLDER | O_CLOEXEC)) < 0) why = strerror(errno);
            else if (!(why = unpack(self, end->offset, end->size, end->digest, folder)) && rename(staging, path))
                why = strerror(errno);
            if (why) delete_tree(staging);
        }
    }
    close(folder), close(locked), close(above);
    umask(former);
    return why;
}

int main(int count, char **arguments) {
    (void)count;
    char self[PATH_MAX] = "";
    struct end end;
#ifdef __APPLE__
    char given[PATH_MAX];
    uint32_t size = sizeof given;
    if (_NSGetExecutablePath(given, &size) || !realpath(given, self)) *self = 0;
#else
    if (!realpath("/proc/self/exe", self) && !realpath((const char *)getauxval(AT_EXECFN), self)) *self = 0;
#endif
    int file = open(self, O_RDONLY | O_CLOEXEC);
    if (file < 0) fail("cannot read itself, %s: %s.\n", self, strerror(errno));
    off_t place = lseek(file, -(off_t)sizeof end, SEEK_END);
    if (place < 0 || pread(file, &end, sizeof end, place) != sizeof end || memcmp(end.magic, MAGIC, sizeof end.magic) ||
        end.offset + end.size != (uint64_t)place)
        fail("%s is damaged; fetch it again.\n", self);
    const char *path, *why, *failures = "";
    for (int i = 0; (path = root(i)); i++) become(path, &end, self, arguments);
    for (int i = 0; (path = root(i)); i++) {
        for (int tries = 0; tries < TRIES; tries++)
            if ((why = fill(path, &end, file)) || (why = become(path, &end, self, arguments))) break;
        if (!why) why = "it was removed";
        if (!strcmp(why, DAMAGED)) fail("%s is damaged; fetch it again.\n", self);
        failures = text("%s%s%s (%s)", failures, *failures ? "; " : "", path, why);
    }
    fail("found no place to unpack itself: %s. It needs about %llu MB in a folder of yours that may hold programs; name "
         "one with LTMC_ROOT.\n", failures, (unsigned long long)(end.bytes / 1000000 + 1));
}
