#include "memory.h"

#include <ATen/core/Tensor.h>
#include <c10/core/CPUAllocator.h>

#include <map>
#include <mutex>
#include <unordered_map>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace {

#ifdef __linux__

/** Least bytes of a block that is mapped on its own; smaller ones are the C library's. */
constexpr size_t LEAST = 1 << 20;
/** Sizes of blocks are multiples of this. */
constexpr size_t GRAIN = 1 << 16;
constexpr size_t HUGE_PAGE = 1 << 21;

/** Memory of the system that begins at a huge page, and consists of such where there are any; null where there is none. */
void* map(size_t size) {
  const size_t reserved = size + HUGE_PAGE;
  void* found = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) return nullptr;
  auto* const from = static_cast<char*>(found);
  const size_t before = (HUGE_PAGE - reinterpret_cast<uintptr_t>(from) % HUGE_PAGE) % HUGE_PAGE;
  if (before > 0) munmap(from, before);
  if (before < HUGE_PAGE) munmap(from + before + size, HUGE_PAGE - before);
  madvise(from + before, size, MADV_HUGEPAGE);
  return from + before;
}

/**
 * Large blocks by their sizes. A step needs the sizes that the one before gave back, so hardly any is made anew; a heap, which
 * cuts them from one piece, comes to need a tenth more than is in use. The oldest of those that are free go back to the system
 * before more would be held than was ever in use at a time.
 */
class Blocks {
 public:
  void* take(size_t bytes) {
    const size_t size = (bytes + GRAIN - 1) / GRAIN * GRAIN;
    const std::lock_guard<std::mutex> alone(mutex_);
    used_ += size;
    most_ = std::max(most_, used_);
    const auto found = free_.find(size);
    void* block = nullptr;
    if (found != free_.end()) {
      block = found->second.block;
      freeBytes_ -= size;
      free_.erase(found);
    } else {
      shrink(most_);
      block = map(size);
      if (block == nullptr) {
        shrink(0);
        block = map(size);
      }
    }
    if (block == nullptr) used_ -= size;
    else sizes_[block] = size;
    return block;
  }

  /** Whether the block was taken here. */
  bool give(void* block) {
    const std::lock_guard<std::mutex> alone(mutex_);
    const auto found = sizes_.find(block);
    if (found == sizes_.end()) return false;
    free_.insert({found->second, {block, ++gifts_}});
    used_ -= found->second;
    freeBytes_ += found->second;
    sizes_.erase(found);
    return true;
  }

  void clear() {
    const std::lock_guard<std::mutex> alone(mutex_);
    most_ = used_;
    shrink(0);
  }

 private:
  struct Free {
    void* block;
    /** The order in which blocks were given back. */
    uint64_t gift;
  };

  void shrink(size_t most) {
    while (freeBytes_ > 0 && used_ + freeBytes_ > most) {
      auto oldest = free_.begin();
      for (auto at = free_.begin(); at != free_.end(); ++at) {
        if (at->second.gift < oldest->second.gift) oldest = at;
      }
      munmap(oldest->second.block, oldest->first);
      freeBytes_ -= oldest->first;
      free_.erase(oldest);
    }
  }

  std::mutex mutex_;
  std::unordered_map<void*, size_t> sizes_;
  std::multimap<size_t, Free> free_;
  size_t used_ = 0, freeBytes_ = 0, most_ = 0;
  uint64_t gifts_ = 0;
};

/** Never destroyed: tensors may outlive everything else. */
Blocks& blocks() {
  static auto* const blocks = new Blocks();
  return *blocks;
}

at::Allocator* others = nullptr;

void give(void* block) {
  if (block != nullptr && !blocks().give(block)) others->raw_deleter()(block);
}

/** Large tensors from {@link Blocks}, others as before. */
class Allocator final : public at::Allocator {
 public:
  // PyTorch's own is constant up to 2.2.
  at::DataPtr allocate(size_t bytes) const { return make(bytes); }
  at::DataPtr allocate(size_t bytes) { return make(bytes); }
  at::DeleterFnPtr raw_deleter() const override { return &give; }
  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }

 private:
  static at::DataPtr make(size_t bytes) {
    if (bytes < LEAST) return others->allocate(bytes);
    void* const block = blocks().take(bytes);
    TORCH_CHECK_WITH(OutOfMemoryError, block != nullptr, "not enough memory: you tried to allocate ", bytes, " bytes.");
    return {block, block, &give, at::Device(at::kCPU)};
  }
};

#endif

}  // namespace

void keepFreedMemory() {
#ifdef __GLIBC__
  // The largest threshold that there is; larger blocks are few. Heaps of threads are too small for tensors.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_ARENA_MAX, 1);
#endif
#ifdef __linux__
  static std::once_flag isReplaced;
  std::call_once(isReplaced, [] {
    others = c10::GetCPUAllocator();
    c10::SetCPUAllocator(new Allocator());
  });
#endif
}

void returnFreedMemory() {
#ifdef __linux__
  blocks().clear();
#endif
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
