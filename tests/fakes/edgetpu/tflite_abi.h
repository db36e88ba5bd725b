/* The part of TFLite's external-delegate C ABI that a delegate which replaces nodes touches.
 *
 * Only the order and the size of the fields matter, so no header of any package is needed.
 * Checked against the headers of LiteRT (August 2026) and by running with tflite-runtime 2.14
 * and ai-edge-litert 2.3 on x86_64.
 */
#ifndef EDGED_TFLITE_ABI_H
#define EDGED_TFLITE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { kOk = 0, kError = 1, kDelegateError = 2 } Status;
enum { kTypeInt8 = 9 };          /* Tensor.type */
enum { kAllocationMmapRo = 1 };  /* Tensor.allocation_type: constants inside the model file */

typedef struct {
  int size;
  int data[];
} IntArray;

typedef struct {
  float scale;
  int32_t zero_point;
} QuantizationParams;

typedef struct {
  int type;
  void *params;
} Quantization;

typedef struct Tensor {
  int type;
  void *data;
  IntArray *dims;
  QuantizationParams params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  struct Delegate *delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  Quantization quantization;
  void *sparsity;
  const IntArray *dims_signature;
} Tensor;

typedef struct Node {
  IntArray *inputs;
  IntArray *outputs;
  IntArray *intermediates;
  IntArray *temporaries;
  void *user_data;
  void *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  struct Delegate *delegate;
  bool might_have_side_effect;
} Node;

struct Context;

/* Passed BY VALUE to ReplaceNodeSubsetsWithDelegateKernels, so its size is part of the ABI. It grew from
 * 64 bytes (TF 2.9 and before) to 88 (2.14 and later): a delegate built with the short one makes a newer
 * runtime read garbage. -DOLD_ABI builds such a delegate. */
typedef struct Registration {
  void *(*init)(struct Context *, const char *buffer, size_t length);
  void (*free)(struct Context *, void *buffer);
  Status (*prepare)(struct Context *, Node *);
  Status (*invoke)(struct Context *, Node *);
  const char *(*profiling_string)(const struct Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
#ifndef OLD_ABI
  void *registration_external;
  void *async_kernel;
  uint64_t inplace_operator;
#endif
} Registration;

enum { kEdgeTpuContext = 2 }; /* which external context an Edge TPU uses */

typedef struct ExternalContext {
  int type;
  Status (*Refresh)(struct Context *);
} ExternalContext;

typedef struct Context {
  size_t tensors_size;
  Status (*GetExecutionPlan)(struct Context *, IntArray **plan);
  Tensor *tensors;
  void *impl_;
  Status (*ResizeTensor)(struct Context *, Tensor *, IntArray *);
  void (*ReportError)(struct Context *, const char *format, ...);
  Status (*AddTensors)(struct Context *, int, int *);
  Status (*GetNodeAndRegistration)(struct Context *, int, Node **, Registration **);
  Status (*ReplaceNodeSubsetsWithDelegateKernels)(struct Context *, Registration, const IntArray *,
                                                  struct Delegate *);
  int recommended_num_threads;
  ExternalContext *(*GetExternalContext)(struct Context *, int kind);
  void (*SetExternalContext)(struct Context *, int kind, ExternalContext *);
  /* the rest is not used here */
} Context;

/* What a delegate kernel's init() is given. */
typedef struct DelegateParams {
  struct Delegate *delegate;
  IntArray *nodes_to_replace;
  IntArray *input_tensors;
  IntArray *output_tensors;
} DelegateParams;

typedef struct Delegate {
  void *data_;
  Status (*Prepare)(Context *, struct Delegate *);
  Status (*CopyFromBufferHandle)(Context *, struct Delegate *, int, Tensor *);
  Status (*CopyToBufferHandle)(Context *, struct Delegate *, int, Tensor *);
  void (*FreeBufferHandle)(Context *, struct Delegate *, int *);
  int64_t flags;
  void *opaque_delegate_builder;
} Delegate;

#endif
