#ifndef TRIBUTARY_PAGE_CHECKSUMS_H
#define TRIBUTARY_PAGE_CHECKSUMS_H

// A checksum in every page of an SQLite database, written with the page and looked at whenever it is read.
//
// SQLite does not notice a bit that turned on the disk: a changed number is a number. The last bytes of each page, which
// SQLite leaves alone when it is asked to, hold a checksum of the rest and of the page's place. It is below SQLite, in the
// layer that reads and writes files, so that no statement can go around it. Databases without that room, and files that
// are no databases, pass as they are. The write-ahead log has checksums of SQLite's own.
//
// The file stays a database that any SQLite reads. One that writes to it leaves the checksums behind, and the pages count
// as damaged here.

// How many bytes of each page are taken, as byte 20 of the file says.
enum { page_checksums_reserved_bytes = 8 };

// Puts the layer between SQLite and the files of all connections that the process opens from now on.
//
// Once is enough, and again does no harm. Returns an SQLite result code.
int page_checksums_register(void);

// Asks for the room, in the database that is made over `connection`, an `sqlite3 *`, or in what VACUUM makes of it.
//
// Changes nothing in a database that exists. To be called before the first page is written. Returns an SQLite result code.
int page_checksums_reserve(void *connection);

// Says in `lacks` whether the pages of the database that is at `path` now have no room for checksums.
//
// Takes no lock and reads no page. SQLite opens and closes the file: whoever did that without it would take away the locks of
// all connections to it that this process has, for POSIX's locks end with the first descriptor of a file that is closed.
// Returns an SQLite result code.
int page_checksums_lack_room(const char *path, int *lacks);

#endif
