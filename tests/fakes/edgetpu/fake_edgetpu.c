/* A stand-in for libedgetpu.so.1 for tests on machines that have no Edge TPU.
 *
 * It has the entry points that load_delegate() needs, chooses "devices" by the same rules, claims the same
 * nodes (custom op "edgetpu-custom-op") and can be told to fail in the ways the real library fails, including
 * those that kill or freeze the process. It knows nothing of USB, firmware, real latency or real numerics.
 *
 *   cc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -o libfake_edgetpu.so fake_edgetpu.c
 *
 * A setting is looked up at every use; the first of these that has it wins:
 *   1. the file named by $FAKE_EDGETPU_CTL, lines "key=value" (a test rewrites it while the program runs)
 *   2. the delegate option "fake.<key>"
 *   3. the environment variable FAKE_EDGETPU_<KEY>
 *   4. the default
 *
 * key         values                                  default
 * devices     "usb:N", "pci:N" or both                usb:1     what is plugged in
 * create      ok error null hang abort                ok        what making the delegate does
 * create_ms   milliseconds                            0         how long it takes
 * claim       edgetpu all none                        edgetpu   which nodes are taken
 * prepare     ok error                                ok
 * invoke      ok error hang abort segv exit           ok
 * fail_after  number of good invokes before `invoke`  0
 * latency_ms  milliseconds (a fraction is fine)       0         how long an invoke takes
 * output      hash zero ramp replay known             hash      what an invoke writes, see fill()
 * replay_dir  folder of recordings                    .
 * offset      number                                  0         added to each byte that is written, for wrong answers
 * log         file that gets one line per event       none
 *
 * A device that is no longer among `devices` when invoke() runs aborts the process, as a pulled cable does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tflite_abi.h"

#define EXPORT __attribute__((visibility("default")))
#define MAX_OPTIONS 32
#define KEY_SIZE 64
#define VALUE_SIZE 512
#define PATH_SIZE (VALUE_SIZE + KEY_SIZE)

typedef struct {
  Delegate base; /* first: a Delegate * is a Fake * */
  ExternalContext context;
  char device[VALUE_SIZE];
  int options;
  char key[MAX_OPTIONS][KEY_SIZE];
  char value[MAX_OPTIONS][VALUE_SIZE];
} Fake;

static atomic_long good_invokes; /* of the whole process */

/* ---- settings ------------------------------------------------------------------------------------------- */

/* The value of `key` in the control file, copied into `value`; NULL where it is not there. */
static const char *from_control_file(const char *key, char *value) {
  const char *path = getenv("FAKE_EDGETPU_CTL");
  FILE *file = path ? fopen(path, "re") : NULL;
  if (!file) return NULL;
  char line[VALUE_SIZE + KEY_SIZE];
  const char *found = NULL;
  size_t length = strlen(key);
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, key, length) || line[length] != '=') continue;
    line[strcspn(line, "\r\n")] = 0;
    snprintf(value, VALUE_SIZE, "%s", line + length + 1);
    found = value;
  }
  fclose(file);
  return found;
}

/* `value` is room for VALUE_SIZE bytes that the answer may use. */
static const char *setting(const Fake *fake, const char *key, const char *otherwise, char *value) {
  const char *found = from_control_file(key, value);
  if (found) return found;
  char name[KEY_SIZE + 16];
  snprintf(name, sizeof name, "fake.%s", key);
  for (int i = 0; fake && i < fake->options; i++)
    if (!strcmp(fake->key[i], name)) return fake->value[i];
  snprintf(name, sizeof name, "FAKE_EDGETPU_%s", key);
  for (char *c = name; *c; c++)
    if (*c >= 'a' && *c <= 'z') *c -= 'a' - 'A';
  found = getenv(name);
  return found ? found : otherwise;
}

static double setting_number(const Fake *fake, const char *key) {
  char value[VALUE_SIZE];
  return strtod(setting(fake, key, "0", value), NULL);
}

/* One line "PID text" at the end of the log file. */
static void note(const Fake *fake, const char *format, ...) {
  char value[VALUE_SIZE], text[2 * VALUE_SIZE];
  const char *path = setting(fake, "log", "", value);
  FILE *file = *path ? fopen(path, "ae") : NULL;
  if (!file) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fprintf(file, "%d %s\n", (int)getpid(), text);
  fclose(file);
}

static void sleep_ms(double ms) {
  struct timespec left = {(time_t)(ms / 1000), (long)((ms - 1000.0 * (time_t)(ms / 1000)) * 1e6)};
  while (ms > 0 && nanosleep(&left, &left) && errno == EINTR) {
  }
}

static void hang(void) {
  for (;;) sleep_ms(3600e3);
}

/* ---- which device: the same grammar as libedgetpu -------------------------------------------------------- */

/* How many devices of a kind ("usb" or "pci") the list `devices` has. */
static int count(const char *devices, const char *kind) {
  const char *at = strstr(devices, kind);
  return at && at[3] == ':' ? atoi(at + 4) : 0;
}

/* N of "<prefix>:N"; -1 where the text has another form. */
static int index_after(const char *text, const char *prefix) {
  size_t length = strlen(prefix);
  if (strncmp(text, prefix, length) || text[length] != ':' || !text[length + 1]) return -1;
  char *end;
  long index = strtol(text + length + 1, &end, 10);
  return *end || index < 0 ? -1 : (int)index;
}

/* "": any; "usb", "pci": any of that kind; ":N", "usb:N", "pci:N": the Nth; anything else: none. */
static bool present(const char *devices, const char *device) {
  int usb = count(devices, "usb"), pci = count(devices, "pci"), index;
  if (!*device) return usb + pci > 0;
  if (!strcmp(device, "usb")) return usb > 0;
  if (!strcmp(device, "pci")) return pci > 0;
  if ((index = index_after(device, "")) >= 0) return index < usb + pci;
  if ((index = index_after(device, "usb")) >= 0) return index < usb;
  if ((index = index_after(device, "pci")) >= 0) return index < pci;
  return false;
}

static bool plugged_in(const Fake *fake) {
  char value[VALUE_SIZE];
  return present(setting(fake, "devices", "usb:1", value), fake->device);
}

/* ---- what an invoke writes ------------------------------------------------------------------------------- */

/* The kernel that stands for the program on the chip. */
typedef struct {
  Fake *fake;
  IntArray *inputs;
  IntArray *outputs;
} Kernel;

static uint64_t fnv1a(uint64_t hash, const void *bytes, size_t length) {
  const unsigned char *byte = bytes;
  while (length--) hash = (hash ^ *byte++) * 1099511628211ull;
  return hash;
}

/* FNV-1a of the bytes of all inputs, constants left out. */
static uint64_t input_hash(const Context *context, const Kernel *kernel) {
  uint64_t hash = 14695981039346656037ull;
  for (int i = 0; i < kernel->inputs->size; i++) {
    if (kernel->inputs->data[i] < 0) continue;
    const Tensor *tensor = &context->tensors[kernel->inputs->data[i]];
    if (tensor->allocation_type != kAllocationMmapRo && tensor->data)
      hash = fnv1a(hash, tensor->data, tensor->bytes);
  }
  return hash;
}

/* Room for PATH_SIZE bytes becomes <replay_dir>/<input hash>.bin; whether that can be read. */
static bool recorded(const Kernel *kernel, uint64_t hash, char *path) {
  char value[VALUE_SIZE];
  snprintf(path, PATH_SIZE, "%s/%016llx.bin", setting(kernel->fake, "replay_dir", ".", value),
           (unsigned long long)hash);
  return !access(path, R_OK);
}

/* Fills the outputs from a recording, which holds them one after another. */
static Status replay(Context *context, const Kernel *kernel, const char *path) {
  FILE *file = fopen(path, "rbe");
  if (!file) {
    context->ReportError(context, "fake Edge TPU: nothing recorded for this input (%s)", path);
    return kError;
  }
  Status status = kOk;
  for (int i = 0; i < kernel->outputs->size && status == kOk; i++) {
    Tensor *tensor = &context->tensors[kernel->outputs->data[i]];
    if (fread(tensor->data, 1, tensor->bytes, file) != tensor->bytes) {
      context->ReportError(context, "fake Edge TPU: the recording is too short (%s)", path);
      status = kError;
    }
  }
  fclose(file);
  return status;
}

static void fill_with(Context *context, const Kernel *kernel, const char *how, uint64_t hash) {
  for (int i = 0; i < kernel->outputs->size; i++) {
    Tensor *tensor = &context->tensors[kernel->outputs->data[i]];
    unsigned char *bytes = tensor->data;
    unsigned char lowest = tensor->type == kTypeInt8 ? 0x80 : 0;
    memset(bytes, lowest, tensor->bytes);
    if (!strcmp(how, "ramp"))
      for (size_t j = 0; j < tensor->bytes; j++) bytes[j] = (unsigned char)j;
    if (!strcmp(how, "hash") && tensor->bytes) bytes[hash % tensor->bytes] = lowest - 1;
  }
}

static void shift(Context *context, const Kernel *kernel, int offset) {
  for (int i = 0; i < kernel->outputs->size; i++) {
    Tensor *tensor = &context->tensors[kernel->outputs->data[i]];
    unsigned char *bytes = tensor->data;
    for (size_t j = 0; j < tensor->bytes; j++) bytes[j] = (unsigned char)(bytes[j] + offset);
  }
}

/* zero: lowest value everywhere; ramp: 0, 1, 2...; hash: lowest, but one highest at a place that depends on
 * every byte of the input; replay: what was recorded for this input; known: the same, and hash for others. */
static Status fill(Context *context, const Kernel *kernel) {
  char value[VALUE_SIZE], path[PATH_SIZE];
  const char *how = setting(kernel->fake, "output", "hash", value);
  uint64_t hash = input_hash(context, kernel);
  bool there = recorded(kernel, hash, path);
  if (!strcmp(how, "known")) how = there ? "replay" : "hash";
  Status status = kOk;
  if (!strcmp(how, "replay")) status = replay(context, kernel, path);
  else fill_with(context, kernel, how, hash);
  shift(context, kernel, (int)setting_number(kernel->fake, "offset"));
  return status;
}

/* ---- the kernel ------------------------------------------------------------------------------------------ */

static IntArray *copied(const IntArray *array) {
  size_t size = sizeof(IntArray) + (size_t)array->size * sizeof(int);
  IntArray *copy = malloc(size);
  if (copy) memcpy(copy, array, size);
  return copy;
}

static void *kernel_init(Context *context, const char *buffer, size_t length) {
  (void)context, (void)length;
  const DelegateParams *params = (const DelegateParams *)buffer;
  Kernel *kernel = malloc(sizeof *kernel);
  if (!kernel) return NULL;
  kernel->fake = (Fake *)params->delegate;
  kernel->inputs = copied(params->input_tensors);
  kernel->outputs = copied(params->output_tensors);
  note(kernel->fake, "init nodes=%d inputs=%d outputs=%d", params->nodes_to_replace->size,
       params->input_tensors->size, params->output_tensors->size);
  return kernel;
}

static void kernel_free(Context *context, void *buffer) {
  (void)context;
  Kernel *kernel = buffer;
  if (!kernel) return;
  free(kernel->inputs);
  free(kernel->outputs);
  free(kernel);
}

static Status kernel_prepare(Context *context, Node *node) {
  Kernel *kernel = node->user_data;
  char value[VALUE_SIZE];
  if (strcmp(setting(kernel->fake, "prepare", "ok", value), "error")) return kOk;
  context->ReportError(context, "Failed to prepare for TPU. Internal: (fake)");
  return kError;
}

/* What libedgetpu does when its device is gone. */
static void abort_as_unplugged(void) {
  fprintf(stderr, "F driver/usb/usb_driver.cc:1148] HandleQueuedBulkIn transfer in failed. "
                  "Not found: USB transfer error 5 [fake]\n");
  abort();
}

/* Fails as told; returns only for `error`, or for a word that it does not know. */
static Status fail(Context *context, const Fake *fake, const char *how) {
  note(fake, "invoke %s after=%ld", how, good_invokes);
  if (!strcmp(how, "abort")) abort_as_unplugged();
  if (!strcmp(how, "hang")) hang();
  if (!strcmp(how, "segv")) raise(SIGSEGV);
  if (!strcmp(how, "exit")) _exit(3);
  context->ReportError(context, "Failed to execute request. Edge TPU is not ready. (fake: %s)", how);
  return kError;
}

static Status kernel_invoke(Context *context, Node *node) {
  Kernel *kernel = node->user_data;
  Fake *fake = kernel->fake;
  char value[VALUE_SIZE];
  if (context->GetExternalContext(context, kEdgeTpuContext) != &fake->context) {
    context->ReportError(context, "Failed to retrieve TPU context.");
    return kError;
  }
  sleep_ms(setting_number(fake, "latency_ms"));
  if (!plugged_in(fake)) return fail(context, fake, "abort");
  const char *how = setting(fake, "invoke", "ok", value);
  if (strcmp(how, "ok") && good_invokes >= (long)setting_number(fake, "fail_after"))
    return fail(context, fake, how);
  Status status = fill(context, kernel);
  if (status == kOk) note(fake, "invoke ok n=%ld", ++good_invokes);
  return status;
}

/* ---- the delegate ---------------------------------------------------------------------------------------- */

/* The nodes of the plan that the fake chip takes; NULL where the runtime refuses. The caller frees it. */
static IntArray *claimed_nodes(Context *context, const IntArray *plan, const char *claim) {
  IntArray *nodes = malloc(sizeof(IntArray) + (size_t)plan->size * sizeof(int));
  if (!nodes) return NULL;
  nodes->size = 0;
  for (int i = 0; i < plan->size; i++) {
    Node *node;
    Registration *op;
    if (context->GetNodeAndRegistration(context, plan->data[i], &node, &op) != kOk) {
      free(nodes);
      return NULL;
    }
    bool compiled = op->custom_name && !strcmp(op->custom_name, "edgetpu-custom-op");
    if (!strcmp(claim, "all") || (compiled && strcmp(claim, "none"))) nodes->data[nodes->size++] = plan->data[i];
  }
  return nodes;
}

static Status delegate_prepare(Context *context, Delegate *base) {
  Fake *fake = (Fake *)base;
  char value[VALUE_SIZE];
  IntArray *plan;
  fake->context.type = kEdgeTpuContext; /* libedgetpu hands its device over in this way too */
  context->SetExternalContext(context, kEdgeTpuContext, &fake->context);
  if (context->GetExecutionPlan(context, &plan) != kOk) return kError;
  IntArray *nodes = claimed_nodes(context, plan, setting(fake, "claim", "edgetpu", value));
  if (!nodes) return kError;
  note(fake, "prepare claimed=%d of=%d", nodes->size, plan->size);
  Registration kernel;
  memset(&kernel, 0, sizeof kernel);
  kernel.init = kernel_init;
  kernel.free = kernel_free;
  kernel.prepare = kernel_prepare;
  kernel.invoke = kernel_invoke;
  kernel.custom_name = "EdgeTpuDelegateForCustomOp";
  kernel.version = 1;
  Status status = kOk;
  if (nodes->size) status = context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, nodes, base);
  free(nodes);
  return status;
}

static void keep_options(Fake *fake, char **keys, char **values, size_t number) {
  for (size_t i = 0; i < number && fake->options < MAX_OPTIONS; i++, fake->options++) {
    snprintf(fake->key[fake->options], KEY_SIZE, "%s", keys[i]);
    snprintf(fake->value[fake->options], VALUE_SIZE, "%s", values[i]);
    if (!strcmp(keys[i], "device")) snprintf(fake->device, VALUE_SIZE, "%s", values[i]);
  }
}

EXPORT Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t number,
                                               void (*report_error)(const char *)) {
  Fake *fake = calloc(1, sizeof *fake);
  if (!fake) return NULL;
  keep_options(fake, keys, values, number & 0xffffffffu); /* Python declares it as a C int */
  char value[VALUE_SIZE];
  sleep_ms(setting_number(fake, "create_ms"));
  const char *how = setting(fake, "create", "ok", value);
  note(fake, "create device=%s how=%s present=%d", fake->device, how, plugged_in(fake));
  if (!strcmp(how, "hang")) hang();
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "error") && report_error) report_error("fake Edge TPU: told to fail");
  if (strcmp(how, "ok") || !plugged_in(fake)) { /* NULL without a message, as the real one */
    free(fake);
    return NULL;
  }
  fake->base.data_ = fake;
  fake->base.Prepare = delegate_prepare;
  fake->base.flags = 1; /* AllowDynamicTensors, as libedgetpu sets */
  return &fake->base;
}

EXPORT void tflite_plugin_destroy_delegate(Delegate *base) {
  if (!base) return;
  note((Fake *)base, "destroy");
  free(base);
}

/* ---- the part of edgetpu_c.h that one calls with ctypes -------------------------------------------------- */

struct edgetpu_device {
  int type; /* 0: PCI, 1: USB */
  const char *path;
};

/* The caller frees the array with edgetpu_free_devices; the paths are static. */
EXPORT struct edgetpu_device *edgetpu_list_devices(size_t *number) {
  static char paths[64][64];
  char value[VALUE_SIZE];
  const char *devices = setting(NULL, "devices", "usb:1", value);
  int pci = count(devices, "pci"), all = pci + count(devices, "usb");
  if (all > 64) all = 64;
  struct edgetpu_device *list = calloc(all ? (size_t)all : 1, sizeof *list);
  *number = list ? (size_t)all : 0;
  for (int i = 0; list && i < all; i++) {
    if (i < pci) snprintf(paths[i], sizeof paths[i], "/dev/apex_%d", i);
    else snprintf(paths[i], sizeof paths[i], "/sys/bus/usb/devices/fake-%d", i - pci);
    list[i].type = i >= pci;
    list[i].path = paths[i];
  }
  return list;
}

EXPORT void edgetpu_free_devices(struct edgetpu_device *list) { free(list); }
EXPORT void edgetpu_verbosity(int level) { (void)level; }
EXPORT const char *edgetpu_version(void) { return "BuildLabel(FAKE), RuntimeVersion(14)"; }
