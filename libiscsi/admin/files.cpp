#include "libiscsi/admin/files.hpp"

#include <boost/system/system_category.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace iscsi::admin {

namespace {

// Records hold CHAP secrets: nobody else may read them, whatever the umask is.
constexpr mode_t file_mode = 0600;
constexpr mode_t folder_mode = 0700;

// Closes at the end of its scope. close() is there for writers: an error that only shows then must
// be seen.
class descriptor {
  public:
    descriptor(const std::filesystem::path& path, int flags)
        : number_(::open(path.c_str(), flags | O_CLOEXEC, file_mode)) {}

    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    ~descriptor() { close(); }

    bool is_open() const { return number_ >= 0; }

    int number() const { return number_; }

    int close() { return number_ < 0 ? 0 : ::close(std::exchange(number_, -1)); }

  private:
    int number_;
};

result<void> outcome(int returned, const std::filesystem::path& path) {
    if (returned == 0)
        return {};
    return system_fault(file_errc::write_failed, path, errno);
}

// write(2) may take a part, and may be interrupted before it took any.
int write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(file, text.data(), text.size());
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0)
            text.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

// After the open, on the descriptor: nobody can exchange the file between the look and the use.
result<void> check_regular(int file, const std::filesystem::path& path) {
    struct stat found {};

    if (::fstat(file, &found) != 0)
        return system_fault(file_errc::read_failed, path, errno);
    if (!S_ISREG(found.st_mode))
        return fault{to_error_code(file_errc::read_failed), path, "", "a regular file"};
    return {};
}

// Bounded: a file of 1 MiB is no record, and a device that never ends is none either.
result<std::string> read_all(int file, const std::filesystem::path& path) {
    std::string text;
    std::vector<char> piece(4096); // not on the stack, where secrets would stay
    for (;;) {
        const auto got = ::read(file, piece.data(), piece.size());
        if (got == 0)
            return text;
        if (got < 0 && errno != EINTR)
            return system_fault(file_errc::read_failed, path, errno);
        if (got > 0)
            text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > longest_file)
            return fault{to_error_code(file_errc::read_failed), path, "", "at most 1 MiB"};
    }
}

// `sync` brings the file to the disk.
template <class Sync>
result<void> write_new(const std::filesystem::path& path, std::string_view text, Sync sync) {
    descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!file.is_open())
        return system_fault(file_errc::write_failed, path, errno);
    if (auto written = outcome(write_all(file.number(), text), path); !written)
        return written;
    if (auto synced = outcome(sync(file.number()), path); !synced)
        return synced;
    return outcome(file.close(), path);
}

// ENOTDIR: a part of the path is a file, so the path does not exist.
bool is_absent(int error) {
    return error == ENOENT || error == ENOTDIR;
}

} // namespace

fault system_fault(file_errc what, const std::filesystem::path& path, int error) {
    return {to_error_code(what), path, boost::system::system_category().message(error), ""};
}

result<std::optional<std::string>> read_file(const std::filesystem::path& path) {
    // O_NONBLOCK: a FIFO in the place of a record must not hold us up.
    const descriptor file(path, O_RDONLY | O_NONBLOCK);
    if (!file.is_open()) {
        if (is_absent(errno))
            return std::optional<std::string>();
        return system_fault(file_errc::read_failed, path, errno);
    }
    if (auto regular = check_regular(file.number(), path); !regular)
        return regular.error();
    auto text = read_all(file.number(), path);
    if (!text)
        return text.error();
    return std::optional(std::move(*text));
}

bool is_link(const std::filesystem::path& path) {
    std::error_code unused;
    return std::filesystem::is_symlink(path, unused);
}

result<std::vector<std::string>> list_folder(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entry(folder, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
        if (auto name = entry->path().filename().string(); name.front() != '.')
            names.push_back(std::move(name));
    if (error && !is_absent(error.value()))
        return system_fault(file_errc::read_failed, folder, error.value());
    std::sort(names.begin(), names.end());
    // A file that is replaced while we look may show up twice.
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

result<void> file_system::write_file(const std::filesystem::path& path, std::string_view text) {
    return write_new(path, text, ::fsync);
}

result<void> file_system::write_unsynced(const std::filesystem::path& path, std::string_view text) {
    return write_new(path, text, [](int /*file*/) { return 0; });
}

result<void> file_system::sync_file_system(const std::filesystem::path& path) {
    const descriptor any(path, O_RDONLY | O_DIRECTORY);
    if (!any.is_open())
        return system_fault(file_errc::write_failed, path, errno);
    return outcome(::syncfs(any.number()), path);
}

result<void> file_system::make_folder(const std::filesystem::path& folder) {
    if (::mkdir(folder.c_str(), folder_mode) == 0)
        return {};
    const int error = errno;
    std::error_code unused;
    // Two writers may make the same folder; the second finds it and is content.
    if (error == EEXIST && std::filesystem::is_directory(folder, unused))
        return {};
    return system_fault(file_errc::write_failed, folder, error);
}

result<void>
// An existing name is not replaced: a link is made beside its place and moved there, as files are.
file_system::make_link(const std::filesystem::path& link, const std::filesystem::path& to) {
    return outcome(::symlink(to.c_str(), link.c_str()), link);
}

result<void> file_system::move(const std::filesystem::path& from, const std::filesystem::path& to) {
    return outcome(::rename(from.c_str(), to.c_str()), to);
}

result<void> file_system::sync_folder(const std::filesystem::path& path) {
    const descriptor folder(path, O_RDONLY | O_DIRECTORY);
    if (!folder.is_open())
        return system_fault(file_errc::write_failed, path, errno);
    return outcome(::fsync(folder.number()), path);
}

result<void> file_system::remove_file(const std::filesystem::path& file) {
    if (::unlink(file.c_str()) == 0 || is_absent(errno))
        return {};
    return system_fault(file_errc::write_failed, file, errno);
}

result<void> file_system::remove_folder(const std::filesystem::path& folder) {
    if (::rmdir(folder.c_str()) == 0 || is_absent(errno) || errno == ENOTEMPTY || errno == EEXIST)
        return {};
    return system_fault(file_errc::write_failed, folder, errno);
}

file_system& real_files() {
    static file_system the_one;
    return the_one;
}

} // namespace iscsi::admin
