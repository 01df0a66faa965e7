#include "page_checksums.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    header_bytes = 100,
    // Where a database's header says how long its pages are, and how many bytes of each are not SQLite's.
    page_size_offset = 16,
    reserved_offset = 20,
    smallest_page = 512,
    largest_page = 65536,
    // A file control of ours: what is empty now will be a database with checksums.
    will_carry_checksums = 0x54524942,
    // SQLITE_IOCAP_SUBPAGE_READ, which older headers do not have: that parts of pages may be read.
    reads_parts_of_pages = 0x8000,
};

// An open database. What the layer below keeps of it follows in the same block of memory.
typedef struct {
    sqlite3_file base;
    bool carries_checksums;
    // Of the database; 0 before its first page was seen.
    int page_size;
    unsigned char *page;
    int page_bytes;
} checked_file;

static sqlite3_vfs *below;
static sqlite3_vfs above;

static sqlite3_file *beneath(sqlite3_file *file) {
    return (sqlite3_file *)((checked_file *)file + 1);
}

// MARK: Checksums

static uint64_t word_at(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

// Every step is a bijection of `sum` and of the word, so that pages which differ in one word always differ in their sums.
static uint64_t checksum(const unsigned char *page, int bytes, sqlite3_int64 offset) {
    const uint64_t multiplier = 0x9E3779B97F4A7C15u;
    uint64_t sum = ((uint64_t)offset + (uint64_t)bytes) * multiplier;
    for (int i = 0; i < bytes - page_checksums_reserved_bytes; i += 8) {
        sum ^= word_at(page + i);
        sum = (sum << 29 | sum >> 35) * multiplier;
    }
    return sum ^ sum >> 32;
}

static bool is_zero(const unsigned char *page, int bytes) {
    for (int i = 0; i < bytes; i++)
        if (page[i] != 0) return false;
    return true;
}

// A page that was never written, because it became free before that, is a hole in the file.
static bool is_intact(const unsigned char *page, int bytes, sqlite3_int64 offset) {
    return word_at(page + bytes - page_checksums_reserved_bytes) == checksum(page, bytes, offset) || is_zero(page, bytes);
}

// Whether so many bytes there are a whole page: SQLite also reads pieces of the first one.
static bool is_page(int bytes, sqlite3_int64 offset) {
    return bytes >= smallest_page && bytes <= largest_page && (bytes & (bytes - 1)) == 0 && offset % bytes == 0;
}

// Takes from the beginning of a database whether its pages have room for checksums.
static void learn(checked_file *file, const unsigned char *header) {
    if (memcmp(header, "SQLite format 3", 16) != 0) return;
    file->carries_checksums = header[reserved_offset] == page_checksums_reserved_bytes;
    const int size = header[page_size_offset] << 8 | header[page_size_offset + 1];
    file->page_size = size == 1 ? largest_page : size;
}

// The file may have been empty when it was opened, and filled by another connection.
static bool carries_checksums(checked_file *file) {
    unsigned char header[header_bytes];
    sqlite3_file *real = beneath(&file->base);
    if (!file->carries_checksums && real->pMethods->xRead(real, header, header_bytes, 0) == SQLITE_OK) learn(file, header);
    return file->carries_checksums;
}

// MARK: Methods that do something

static int checked_close(sqlite3_file *file) {
    checked_file *checked = (checked_file *)file;
    sqlite3_free(checked->page);
    checked->page = NULL;
    return beneath(file)->pMethods->xClose(beneath(file));
}

// Makes room for a page beside the caller's own.
static bool has_room(checked_file *file, int bytes) {
    if (file->page_bytes == bytes) return true;
    unsigned char *page = sqlite3_realloc(file->page, bytes);
    if (page == NULL) return false;
    file->page = page;
    file->page_bytes = bytes;
    return true;
}

// Whether so many bytes there are a part of one page that is not the first: newer versions of SQLite read long rows like that.
static bool is_part(const checked_file *file, int bytes, sqlite3_int64 offset) {
    return file->page_size >= smallest_page && bytes < file->page_size && offset >= file->page_size
        && offset % file->page_size + bytes <= file->page_size;
}

// Reads the whole page, because only that has a checksum.
static int read_part(checked_file *file, void *buffer, int bytes, sqlite3_int64 offset) {
    const int size = file->page_size;
    const sqlite3_int64 start = offset - offset % size;
    sqlite3_file *real = beneath(&file->base);
    if (!has_room(file, size)) return SQLITE_IOERR_NOMEM;
    const int code = real->pMethods->xRead(real, file->page, size, start);
    if (code != SQLITE_OK) return code;
    if (!is_intact(file->page, size, start)) return SQLITE_IOERR_DATA;
    memcpy(buffer, file->page + (offset - start), (size_t)bytes);
    return SQLITE_OK;
}

static int checked_read(sqlite3_file *file, void *buffer, int bytes, sqlite3_int64 offset) {
    checked_file *checked = (checked_file *)file;
    if (offset > 0 && carries_checksums(checked) && is_part(checked, bytes, offset)) return read_part(checked, buffer, bytes, offset);
    const int code = beneath(file)->pMethods->xRead(beneath(file), buffer, bytes, offset);
    if (code != SQLITE_OK) return code;
    if (offset == 0 && bytes >= header_bytes) learn(checked, buffer);
    if (!is_page(bytes, offset) || !carries_checksums(checked)) return SQLITE_OK;
    return is_intact(buffer, bytes, offset) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

static int checked_write(sqlite3_file *file, const void *buffer, int bytes, sqlite3_int64 offset) {
    checked_file *checked = (checked_file *)file;
    if (offset == 0 && bytes >= header_bytes) learn(checked, buffer);
    if (!is_page(bytes, offset) || !carries_checksums(checked))
        return beneath(file)->pMethods->xWrite(beneath(file), buffer, bytes, offset);
    if (!has_room(checked, bytes)) return SQLITE_IOERR_NOMEM;
    memcpy(checked->page, buffer, (size_t)bytes);
    uint64_t sum = checksum(checked->page, bytes, offset);
    sum = word_at((const unsigned char *)&sum);
    memcpy(checked->page + bytes - sizeof sum, &sum, sizeof sum);
    return beneath(file)->pMethods->xWrite(beneath(file), checked->page, bytes, offset);
}

static int checked_file_control(sqlite3_file *file, int operation, void *argument) {
    if (operation != will_carry_checksums)
        return beneath(file)->pMethods->xFileControl(beneath(file), operation, argument);
    sqlite3_int64 size = 0;
    const int code = beneath(file)->pMethods->xFileSize(beneath(file), &size);
    // Pages may come before the first one, which says so.
    if (code == SQLITE_OK && size == 0) ((checked_file *)file)->carries_checksums = true;
    return code;
}

// Pages that are mapped into memory would be read without being looked at: there are none.
static int checked_fetch(sqlite3_file *file, sqlite3_int64 offset, int bytes, void **page) {
    *page = NULL;
    return SQLITE_OK;
}

static int checked_unfetch(sqlite3_file *file, sqlite3_int64 offset, void *page) {
    return SQLITE_OK;
}

// MARK: Methods that pass on

#define PASS_ON(method, ...) return beneath(file)->pMethods->method(beneath(file), ##__VA_ARGS__)

static int checked_truncate(sqlite3_file *file, sqlite3_int64 size) { PASS_ON(xTruncate, size); }
static int checked_sync(sqlite3_file *file, int flags) { PASS_ON(xSync, flags); }
static int checked_file_size(sqlite3_file *file, sqlite3_int64 *size) { PASS_ON(xFileSize, size); }
static int checked_lock(sqlite3_file *file, int level) { PASS_ON(xLock, level); }
static int checked_unlock(sqlite3_file *file, int level) { PASS_ON(xUnlock, level); }
static int checked_reserved_lock(sqlite3_file *file, int *result) { PASS_ON(xCheckReservedLock, result); }
static int checked_sector_size(sqlite3_file *file) { PASS_ON(xSectorSize); }
static int checked_characteristics(sqlite3_file *file) {
    return beneath(file)->pMethods->xDeviceCharacteristics(beneath(file)) & ~reads_parts_of_pages;
}
static int checked_map(sqlite3_file *file, int region, int bytes, int extends, void volatile **memory) {
    PASS_ON(xShmMap, region, bytes, extends, memory);
}
static int checked_lock_memory(sqlite3_file *file, int offset, int count, int flags) {
    PASS_ON(xShmLock, offset, count, flags);
}
static void checked_barrier(sqlite3_file *file) { PASS_ON(xShmBarrier); }
static int checked_unmap(sqlite3_file *file, int deletes) { PASS_ON(xShmUnmap, deletes); }

// Of version 3, as the system's own are: a write-ahead log needs version 2.
static const sqlite3_io_methods methods = {
    .iVersion = 3,
    .xClose = checked_close,
    .xRead = checked_read,
    .xWrite = checked_write,
    .xTruncate = checked_truncate,
    .xSync = checked_sync,
    .xFileSize = checked_file_size,
    .xLock = checked_lock,
    .xUnlock = checked_unlock,
    .xCheckReservedLock = checked_reserved_lock,
    .xFileControl = checked_file_control,
    .xSectorSize = checked_sector_size,
    .xDeviceCharacteristics = checked_characteristics,
    .xShmMap = checked_map,
    .xShmLock = checked_lock_memory,
    .xShmBarrier = checked_barrier,
    .xShmUnmap = checked_unmap,
    .xFetch = checked_fetch,
    .xUnfetch = checked_unfetch,
};

// MARK: The layer

static int checked_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
    // Logs and temporary files are the layer below's alone.
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return below->xOpen(below, name, file, flags, flags_out);
    memset(file, 0, sizeof(checked_file));
    const int code = below->xOpen(below, name, beneath(file), flags, flags_out);
    // A method table tells SQLite that there is something to be closed.
    if (beneath(file)->pMethods != NULL && beneath(file)->pMethods->iVersion >= 2) file->pMethods = &methods;
    else if (code == SQLITE_OK) {
        beneath(file)->pMethods->xClose(beneath(file));
        return SQLITE_CANTOPEN;
    }
    return code;
}

int page_checksums_register(void) {
    if (below != NULL) return SQLITE_OK;
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    if (system == NULL) return SQLITE_ERROR;
    // All but opening is the system's own: its functions find what they know of their layer in this one, too.
    above = *system;
    above.zName = "page-checksums";
    above.szOsFile = (int)sizeof(checked_file) + system->szOsFile;
    above.xOpen = checked_open;
    above.pNext = NULL;
    below = system;
    return sqlite3_vfs_register(&above, 1);
}

int page_checksums_reserve(void *connection) {
    int bytes = page_checksums_reserved_bytes;
    const int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
    if (code != SQLITE_OK) return code;
    const int answer = sqlite3_file_control(connection, "main", will_carry_checksums, NULL);
    // A database in memory has no file.
    return answer == SQLITE_NOTFOUND ? SQLITE_OK : answer;
}

static int lacks_room(sqlite3 *connection, int *lacks) {
    unsigned char reserved = 0;
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code != SQLITE_OK || file == NULL || file->pMethods == NULL) return code;
    code = file->pMethods->xRead(file, &reserved, 1, reserved_offset);
    // An empty file is none yet.
    if (code == SQLITE_IOERR_SHORT_READ) return SQLITE_OK;
    *lacks = reserved != page_checksums_reserved_bytes;
    return code;
}

int page_checksums_lack_room(const char *path, int *lacks) {
    sqlite3 *connection = NULL;
    *lacks = 0;
    int code = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READONLY, NULL);
    if (code == SQLITE_OK) code = lacks_room(connection, lacks);
    sqlite3_close(connection);
    return code;
}
